import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { execa } from "execa";

/** An authority that nobody knows, as a company's is, and an HTTPS server on loopback that it vouches for as `localhost` and `registry.example`. Every answer is `ANSWER`. */
export class TestAuthority implements AsyncDisposable {
  readonly folder: string;
  readonly server: Server;
  readonly #fronts: TlsServer[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(folder: string, server: Server) {
    this.folder = folder;
    this.server = server;
  }

  static async make(): Promise<TestAuthority> {
    const folder = await mkdtemp(join(tmpdir(), "slipway-authority-"));
    const openssl = async (...args: string[]): Promise<unknown> => await execa("openssl", args, { cwd: folder });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Slipway test authority", "-days", "2");
    await openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
    await writeFile(join(folder, "ext"), "subjectAltName=DNS:localhost,DNS:registry.example,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
    const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext"];
    await openssl("x509", "-req", "-in", "server.csr", ...by, "-days", "2", "-out", "server.pem");
    const [cert, privateKey] = await Promise.all(["server.pem", "server.key"].map((name) => readFile(join(folder, name))));
    const server = createServer({ cert, key: privateKey }, (_request, response) => response.end(ANSWER));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TestAuthority(folder, server);
  }

  /** What `extraCaCerts` names. */
  get file(): string {
    return join(this.folder, "ca.pem");
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The HTTPS address of a server that itself listens on plain `http://127.0.0.1:PORT`. */
  async inFrontOf(url: string): Promise<string> {
    const { port, pathname } = new URL(url);
    const [cert, key] = await Promise.all(["server.pem", "server.key"].map((name) => readFile(join(this.folder, name))));
    const front = createTlsServer({ cert, key }, (socket) => {
      const behind = connect(Number(port), "127.0.0.1");
      for (const [one, other] of [
        [socket, behind],
        [behind, socket],
      ] as const) {
        one.on("error", () => other.destroy()).on("close", () => other.destroy());
        this.#sockets.add(one);
      }
      socket.pipe(behind).pipe(socket);
    });
    this.#fronts.push(front);
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    return `https://localhost:${(front.address() as AddressInfo).port}${pathname === "/" ? "" : pathname}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const front of this.#fronts) await new Promise((resolve) => front.close(resolve));
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }
}

export const ANSWER = "the world outside\n";
