import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** A moment in the talk of a part with the server: just before a request reaches the server, or just after the server has answered it. */
export interface Moment {
  /** Fits `METHOD /path`. */
  readonly request: RegExp;
  /** Fits the request's body, where that matters too. */
  readonly body?: RegExp;
  readonly when: "before" | "after";
  /** So many fitting moments pass first; 0 where it is missing. */
  readonly skip?: number;
  /**
   * True: when the test has acted, the request goes on, late. Else it ends there: `before`, the server never sees it; `after`, the part never sees
   * the answer.
   */
  readonly goesOn?: boolean;
}

interface Armed {
  readonly moment: Moment;
  left: number;
  readonly act: () => Promise<unknown>;
  readonly acted: PromiseWithResolvers<void>;
}

/** Stands between parts and the server and lets a test act at an exact moment of their talk. WebSockets pass untouched. */
export class KillSwitch implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;
  readonly #target: () => string;
  readonly #sockets = new Set<Duplex>();
  #armed: Armed | undefined;

  private constructor(server: ReturnType<typeof createServer>, target: () => string) {
    this.#server = server;
    this.#target = target;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async open(target: () => string): Promise<KillSwitch> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const self = new KillSwitch(server, target);
    server.on("request", (incoming, outgoing) => {
      self.#pass(incoming, outgoing).catch(() => outgoing.destroy());
    });
    server.on("upgrade", (incoming, socket, head) => self.#upgrade(incoming, socket, head));
    return self;
  }

  /** Acts once, at the next fitting moment; resolves when `act` has. One that waits already is forgotten. */
  arm(moment: Moment, act: () => Promise<unknown>): Promise<void> {
    const acted = Promise.withResolvers<void>();
    this.#armed = { moment, left: moment.skip ?? 0, act, acted };
    return acted.promise;
  }

  /** The moment that a test waits for is not wanted any more. */
  disarm(): void {
    this.#armed = undefined;
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (await this.#cuts(incoming, body, "before")) return void outgoing.destroy();
    const forward = this.#forward(incoming);
    outgoing.on("close", () => forward.destroy());
    forward.on("error", () => outgoing.destroy());
    forward.end(body);
    const [answer] = (await once(forward, "response")) as [IncomingMessage];
    answer.on("error", () => outgoing.destroy());
    if (await this.#cuts(incoming, body, "after")) return void outgoing.destroy();
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const forward = this.#forward(incoming);
    this.#sockets.add(socket);
    socket.on("error", () => forward.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      forward.destroy();
    });
    forward.on("error", () => socket.destroy());
    forward.on("response", () => socket.destroy());
    forward.on("upgrade", (answer, far, first) => {
      const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join("")}\r\n`);
      far.on("error", () => socket.destroy());
      socket.on("close", () => far.destroy());
      far.write(head);
      socket.write(first);
      far.pipe(socket).pipe(far);
    });
    forward.end();
  }

  /** The Host header goes on unchanged, so that the addresses that the server hands out lead through here too. */
  #forward({ method, url, headers }: IncomingMessage): ReturnType<typeof request> {
    const { hostname, port } = new URL(this.#target());
    return request({ hostname, port, method, path: url, headers });
  }

  /** Acts where this is the moment; true where the request ends here. */
  async #cuts({ method, url }: IncomingMessage, body: Buffer, when: Moment["when"]): Promise<boolean> {
    const armed = this.#armed;
    if (!armed || armed.moment.when !== when || !armed.moment.request.test(`${method} ${url}`)) return false;
    if (armed.moment.body && !armed.moment.body.test(body.toString("latin1"))) return false;
    if (armed.left-- > 0) return false;
    this.#armed = undefined;
    await armed.act().then(() => armed.acted.resolve(), armed.acted.reject);
    return !armed.moment.goesOn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
