import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { readCgiHead } from "@slipway/git/cgi";
import { execa } from "execa";
import { git } from "./repository.ts";

/** A bare repository of a test as somebody's host has it, with a clone of somebody who pushes there. */
export class Remote implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** With one commit of `files` on `main`. */
  static async make(files: Record<string, string> = { "a.txt": "a\n" }): Promise<Remote> {
    const remote = new Remote(await mkdtemp(join(tmpdir(), "slipway-remote-")));
    await git(remote.folder, "init", "--quiet", "--bare", "--initial-branch=main", remote.bare);
    await git(remote.folder, "config", "--file", join(remote.bare, "config"), "http.receivepack", "true");
    await git(remote.folder, "clone", "--quiet", remote.bare, remote.clone);
    await git(remote.clone, "checkout", "--quiet", "-B", "main");
    await remote.push(files, "Start");
    return remote;
  }

  get bare(): string {
    return join(this.folder, "ship.git");
  }

  get clone(): string {
    return join(this.folder, "clone");
  }

  /** Somebody pushes a commit on top of what is there; the commit. */
  async push(files: Record<string, string>, message = "Foreign"): Promise<string> {
    if ((await git(this.clone, "ls-remote", "origin", "refs/heads/main")) !== "") {
      await git(this.clone, "fetch", "--quiet", "origin");
      await git(this.clone, "reset", "--quiet", "--hard", "origin/main");
    }
    return await this.#commit(files, message);
  }

  /** Somebody rewrites the branch: a commit on top of `onto`, and all that was after it is gone. */
  async rewrite(onto: string, files: Record<string, string>): Promise<string> {
    await git(this.clone, "reset", "--quiet", "--hard", onto);
    return await this.#commit(files, "Rewritten");
  }

  async #commit(files: Record<string, string>, message: string): Promise<string> {
    for (const [path, text] of Object.entries(files)) await writeFile(join(this.clone, path), text);
    await git(this.clone, "add", "--all");
    await git(this.clone, "commit", "--quiet", "--message", message);
    await git(this.clone, "push", "--quiet", "--force", "origin", "HEAD:main");
    return await this.head();
  }

  async head(branch = "main"): Promise<string> {
    return await git(this.bare, "rev-parse", `refs/heads/${branch}`);
  }

  /** Subjects of a branch, newest first. */
  async subjects(branch = "main"): Promise<string[]> {
    return (await git(this.bare, "log", "--format=%s", branch)).split("\n");
  }

  /** Has the host run a script before it takes a push; undefined takes it away. */
  async hook(script: string | undefined): Promise<void> {
    const file = join(this.bare, "hooks/pre-receive");
    if (script === undefined) return await rm(file, { force: true });
    await mkdir(join(this.bare, "hooks"), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A host of git over http on loopback, with Basic auth: what real ones do, by `git http-backend`. */
export class WebHost implements AsyncDisposable {
  readonly #server: Server;
  readonly #folder: string;
  /** Passwords that are good for anything, and such that may only read. */
  readonly tokens = new Set<string>();
  readonly readers = new Set<string>();
  /** What came with each request, decoded. */
  readonly asked: Array<string | undefined> = [];

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async serve(remote: Remote): Promise<WebHost> {
    const host = new WebHost(remote.folder);
    await new Promise<void>((resolve) => host.#server.listen(0, "127.0.0.1", resolve));
    return host;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ship.git`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://host");
    const pair = /^Basic (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const login = pair === undefined ? undefined : Buffer.from(pair, "base64").toString();
    this.asked.push(login);
    const password = login?.slice(login.indexOf(":") + 1) ?? "";
    if (!this.tokens.has(password) && !this.readers.has(password))
      return void response.writeHead(401, { "www-authenticate": 'Basic realm="ship"' }).end("Invalid username or token.\n");
    const writes = url.pathname.endsWith("git-receive-pack") || url.searchParams.get("service") === "git-receive-pack";
    if (writes && this.readers.has(password)) return void response.writeHead(403).end("Write access to repository not granted.\n");
    if (!url.pathname.startsWith("/ship.git/")) return void response.writeHead(404).end("Repository not found.\n");
    const env = {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: this.#folder,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REMOTE_USER: "somebody",
      REMOTE_ADDR: "127.0.0.1",
    };
    const backend = execa("git", ["http-backend"], { env, extendEnv: false, buffer: false, reject: false, stdin: "pipe", encoding: "buffer" });
    backend.stdin.on("error", () => request.resume()); // It may answer before it has read everything.
    request.pipe(backend.stdin);
    const head = await readCgiHead(backend.stdout);
    if (!head) throw new Error("git http-backend gave no answer");
    response.writeHead(head.status, head.headers);
    response.write(head.rest);
    await pipeline(backend.stdout, response);
    await backend;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Where Debian and others put it, off the PATH of most accounts. */
const SSHD = "/usr/sbin/sshd";

/** Why no host over ssh can be tried here; undefined where one can. */
export function whyNoSshd(): string | undefined {
  return existsSync(SSHD) ? undefined : `there is no ${SSHD}: install the package openssh-server`;
}

/** An sshd on loopback that lets one deploy key in, and the keys that go with it; none of them is anybody's. */
export class SshHost implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(folder: string, port: number, child: ChildProcess) {
    this.folder = folder;
    this.port = port;
    this.#child = child;
  }

  static async start(): Promise<SshHost> {
    const folder = await mkdtemp(join(tmpdir(), "slipway-ssh-"));
    for (const name of ["host", "deploy", "other"]) await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(folder, name)]);
    await writeFile(join(folder, "authorized_keys"), await readFile(join(folder, "deploy.pub")));
    // It separates its rights by this folder, which nothing but a start of the system makes.
    if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    const port = await freePort();
    const lines = [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${join(folder, "host")}`,
      `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
      "PidFile none",
      "UsePAM no",
      "StrictModes no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin prohibit-password",
    ];
    await writeFile(join(folder, "sshd_config"), `${lines.join("\n")}\n`);
    const child = spawn(SSHD, ["-D", "-e", "-f", join(folder, "sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
    const failed = once(child, "error").then(([error]) => {
      throw new Error(`no sshd at ${SSHD}: install the package openssh-server`, { cause: error });
    });
    await Promise.race([failed, listening(child)]);
    return new SshHost(folder, port, child);
  }

  /** Path of a private key: of the deploy key, or of one that the host does not know. */
  key(name: "deploy" | "other"): string {
    return join(this.folder, name);
  }

  urlOf(remote: Remote): string {
    return `ssh://${userInfo().username}@127.0.0.1:${this.port}${remote.bare}`;
  }

  /** Lines for known_hosts. */
  async knownHosts(key: "host" | "other" = "host"): Promise<string> {
    const [type, text] = (await readFile(join(this.folder, `${key}.pub`), "utf8")).split(" ");
    return `[127.0.0.1]:${this.port} ${type} ${text}\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function listening(child: ChildProcess): Promise<void> {
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    said.push(line);
    if (line.startsWith("Server listening")) return void child.stderr?.resume();
  }
  throw new Error(`sshd ended: ${said.join("\n")}`);
}

async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
