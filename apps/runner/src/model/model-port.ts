import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** An agent has a handful of them; a loop that opens ever more must not use up the descriptors. */
const CONNECTIONS_LIMIT = 256;

/**
 * The way to the models: a loopback port of the sandbox, each connection of which leads to the gateway's socket and to nothing else. What goes through is
 * neither read nor kept. In a sandbox with a network of its own nobody else reaches the port; with `sandbox: none` every user of the machine does, and is
 * refused by the gateway for want of a token.
 */
export class ModelPort implements AsyncDisposable {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  #opening: Promise<unknown> | undefined;
  #socketPath: string | undefined;
  #lost: string | undefined;
  /** Told of every piece that goes through, either way: who waits for an answer that comes is not stuck. */
  onTraffic: (() => void) | undefined;

  constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#lead(client));
    this.#server.maxConnections = CONNECTIONS_LIMIT;
    // The runner's life does not depend on it.
    this.#server.unref();
  }

  /** Opens the port ahead of its first turn, which then need not wait for it (7 to 50 ms, as the system's parts load); it leads nowhere yet. */
  async prepare(): Promise<void> {
    this.#opening ??= this.#listen();
    await this.#opening;
  }

  /**
   * The port's address, such as `http://127.0.0.1:40123`, the same at every call. Connections lead to the socket that was named last. Rejects with the
   * system's error where there is no loopback.
   */
  async open(socketPath: string): Promise<string> {
    this.#socketPath = socketPath;
    this.#lost = undefined;
    await this.prepare();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The port's address; undefined where it has not been opened. */
  get url(): string | undefined {
    const address = this.#server.address() as AddressInfo | null;
    return address === null ? undefined : `http://127.0.0.1:${address.port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#clients.size;
  }

  /**
   * What went wrong, where the newest connection since `open` did not reach the gateway (the system's word for it, such as ECONNREFUSED) or was closed by
   * it with a request that it had not begun to answer (`closed`).
   */
  get lost(): string | undefined {
    return this.#lost;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opening;
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const client of this.#clients) client.destroy();
    await closed;
  }

  async #listen(): Promise<void> {
    try {
      this.#server.listen({ host: "127.0.0.1", port: 0, backlog: CONNECTIONS_LIMIT });
      await once(this.#server, "listening");
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  #lead(client: Socket): void {
    if (this.#socketPath === undefined) {
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const gateway = connect({ path: this.#socketPath, allowHalfOpen: true });
    let isReached = false;
    let isAsking = false;
    this.#clients.add(client);
    gateway.once("connect", () => {
      isReached = true;
      this.#lost = undefined;
    });
    gateway.on("error", (error: NodeJS.ErrnoException) => {
      if (!isReached) this.#lost = error.code ?? error.message;
      // A reset: the end of the stream could pass for the end of an answer.
      client.resetAndDestroy();
    });
    client.on("data", () => {
      isAsking = true;
      this.onTraffic?.();
    });
    gateway.on("data", () => {
      isAsking = false;
      this.onTraffic?.();
    });
    gateway.once("end", () => {
      // An agent that left first is not waiting any more.
      if (isAsking && !client.readableEnded && !client.destroyed) this.#lost = "closed";
    });
    client.on("error", () => gateway.destroy());
    client.once("close", () => {
      this.#clients.delete(client);
      leave(gateway);
    });
    gateway.once("close", () => leave(client));
    client.pipe(gateway);
    gateway.pipe(client);
  }
}

/** The other side is gone: what it said in full is still sent on, all else is over. */
function leave(socket: Socket): void {
  if (socket.writableEnded) socket.destroySoon();
  else socket.destroy();
}
