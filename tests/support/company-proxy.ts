import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";

/** What a company puts between its network and the world: takes CONNECT, knows names that nobody else does, and may ask who it is for. */
export class CompanyProxy implements AsyncDisposable {
  /** Targets that it was asked for, in order. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #isTls: boolean;

  private constructor(server: Server, isTls: boolean) {
    this.#server = server;
    this.#isTls = isTls;
  }

  /** `leads`: port on loopback by the target, such as `registry.example:443`. `login`: the `NAME:PASSWORD` that it asks for. */
  static async listen(leads: Readonly<Record<string, number>>, { login, tls }: { login?: string; tls?: ServerOptions } = {}): Promise<CompanyProxy> {
    const server = tls ? createTlsServer(tls) : createServer();
    const proxy = new CompanyProxy(server, tls !== undefined);
    server.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
      proxy.#sockets.add(socket.on("error", () => undefined));
    });
    server.on("connect", (request, client: Socket) => {
      const target = request.url ?? "";
      proxy.asked.push(target);
      const expected = login === undefined ? undefined : `Basic ${Buffer.from(login).toString("base64")}`;
      if (request.headers["proxy-authorization"] !== expected) return void client.end('HTTP/1.1 407 Who\r\nproxy-authenticate: Basic realm="company"\r\n\r\n');
      const port = leads[target];
      if (port === undefined) return void client.end("HTTP/1.1 503 Unknown\r\n\r\n");
      const remote = connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Yes\r\n\r\n");
        client.pipe(remote).pipe(client);
      });
      proxy.#sockets.add(remote.on("error", () => client.destroy()));
      remote.on("close", () => client.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  /** For HTTPS_PROXY. */
  url(login = ""): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#isTls ? "https" : "http"}://${login === "" ? "" : `${login}@`}localhost:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
