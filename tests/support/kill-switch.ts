import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A moment in the talk of a part with the server: just before a request reaches the server, or just after the server has answered it. */
export interface Moment {
  readonly request: RegExp;
  readonly when: "before" | "after";
}

/**
 * Stands between a part and the server and lets a test act at an exact moment: at the first request that fits (`METHOD /path`) `act` is called, and
 * then the connection is cut: `before`, the server never saw the request; `after`, the part never sees the answer.
 */
export class KillSwitch implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;
  #armed: { moment: Moment; act: () => Promise<void>; done: () => void; failed: (error: unknown) => void } | undefined;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async open(target: () => string): Promise<KillSwitch> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const self = new KillSwitch(server);
    server.on("request", (incoming, outgoing) => {
      self.#pass(target(), incoming, outgoing).catch(() => outgoing.destroy());
    });
    return self;
  }

  /** Acts once, at the next fitting moment; resolves when `act` has. */
  arm(moment: Moment, act: () => Promise<void>): Promise<void> {
    return new Promise((done, failed) => {
      this.#armed = { moment, act, done, failed };
    });
  }

  async #pass(target: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const name = `${incoming.method} ${incoming.url}`;
    if (await this.#fires(name, "before")) return void outgoing.destroy();
    const { hostname, port } = new URL(target);
    // The Host header goes on unchanged, so that the addresses that the server hands out lead through here too.
    const forward = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers });
    outgoing.on("close", () => forward.destroy());
    forward.on("error", () => outgoing.destroy());
    incoming.pipe(forward);
    const [answer] = (await once(forward, "response")) as [IncomingMessage];
    answer.on("error", () => outgoing.destroy());
    if (await this.#fires(name, "after")) return void outgoing.destroy();
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  }

  async #fires(name: string, when: Moment["when"]): Promise<boolean> {
    const armed = this.#armed;
    if (!armed || armed.moment.when !== when || !armed.moment.request.test(name)) return false;
    this.#armed = undefined;
    await armed.act().then(armed.done, armed.failed);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
