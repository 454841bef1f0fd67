import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCgiHead } from "@slipway/git/cgi";
import { execa } from "execa";
import { git } from "../repository.ts";

/** One request of the API as it came, for tests that look at what was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

/** An answer of the API; null: there is no such path. */
export type Answer = { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } | null;

export const TOKEN = "forge-token-0123456789abcdef";
/** Holds up, or answers in place of, a request; undefined lets it pass. */
export type Fault = (asked: Asked) => Promise<Answer | undefined>;

/**
 * A git host on loopback: repositories over real smart HTTP (`git http-backend`) with a password, and an API that a subclass scripts. What the API says of a branch
 * is what the repository has.
 */
export abstract class GitHost implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Of every git request: service and authorization. */
  readonly pushes: Array<{ readonly service: string; readonly authorization: string | undefined }> = [];
  token = TOKEN;
  /** Whether reading needs the token too, as of a private repository. */
  isPrivate = false;
  fault: Fault = async () => undefined;
  /** Path of the repository now; another one than at first, where it was renamed. */
  path = "ship/sea";
  /** Earlier paths, from which requests are redirected. */
  readonly formerPaths: string[] = [];
  readonly #dir: string;
  readonly #server: Server;

  protected constructor(dir: string, server: Server) {
    this.#dir = dir;
    this.#server = server;
    server.on("request", (request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.destroy();
        if (!response.headersSent) this.failures.push(error);
      });
    });
  }

  /** What went wrong in the host itself. */
  readonly failures: unknown[] = [];

  protected static async listen(): Promise<{ dir: string; server: Server }> {
    const dir = await mkdtemp(join(tmpdir(), "slipway-forge-"));
    await git(dir, "init", "--quiet", "--bare", "--initial-branch=main", "repository.git");
    const bare = join(dir, "repository.git");
    await git(bare, "config", "http.receivepack", "true");
    await git(bare, "config", "receive.denyNonFastForwards", "false");
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { dir, server };
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get host(): string {
    return new URL(this.origin).host;
  }

  /** Address of the repository, as people register it. */
  get url(): string {
    return `${this.origin}/${this.formerPaths[0] ?? this.path}.git`;
  }

  /** The bare repository itself. */
  get bare(): string {
    return join(this.#dir, "repository.git");
  }

  async git(...args: string[]): Promise<string> {
    return await git(this.bare, ...args);
  }

  /** Branches by name. */
  async branches(): Promise<Record<string, string>> {
    const listing = await this.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads/");
    return Object.fromEntries(
      listing
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(" ") as [string, string]),
    );
  }

  /** Has the repository say no, as a rule of a host does: `script` is a pre-receive hook in sh. */
  async setHook(script: string): Promise<void> {
    await writeFile(join(this.bare, "hooks", "pre-receive"), `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  }

  /** Commits files on top of a branch, as a person does, and pushes nothing: the repository is written as the host's own. */
  async commitOn(branch: string, files: Record<string, string>): Promise<string> {
    const work = await mkdtemp(join(tmpdir(), "slipway-person-"));
    try {
      await git(work, "clone", "--quiet", "--branch", branch, this.bare, "clone");
      const clone = join(work, "clone");
      for (const [path, text] of Object.entries(files)) await writeFile(join(clone, path), text);
      await git(clone, "add", "--all");
      await git(clone, "commit", "--quiet", "--message", `Person: ${Object.keys(files).join(", ")}`);
      await git(clone, "push", "--quiet", "origin", branch);
      return await git(clone, "rev-parse", "HEAD");
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Renames the repository; its old address is redirected. */
  rename(path: string): void {
    this.formerPaths.unshift(this.path);
    this.path = path;
  }

  /** Does what was asked, for a test that loses the answer. */
  async carryOut(asked: Asked): Promise<void> {
    await this.answer(asked);
  }

  protected abstract answer(asked: Asked): Promise<Answer>;
  /** Whether the request brings the token. */
  protected abstract isAuthorized(headers: IncomingMessage["headers"]): boolean;

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.origin);
    if (/\/(info\/refs|git-(upload|receive)-pack)$/.test(url.pathname)) return await this.#serveGit(request, response, url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body =
      text === ""
        ? {}
        : request.headers["content-type"]?.includes("json")
          ? (JSON.parse(text) as Record<string, unknown>)
          : Object.fromEntries(new URLSearchParams(text));
    const asked: Asked = { method: request.method ?? "GET", path: decodeURIComponent(url.pathname), query: url.searchParams, headers: request.headers, body };
    this.asked.push(asked);
    const answer =
      (await this.fault(asked)) ?? (this.isAuthorized(request.headers) ? await this.answer(asked) : { status: 401, body: { message: "Bad credentials" } });
    const { status, body: said, headers = {} } = answer ?? { status: 404, body: { message: "Not Found" } };
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
    response.end(said === undefined || status === 304 || status === 204 ? "" : JSON.stringify(said));
  }

  async #serveGit(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const [, path = "", info = ""] = /^\/(.*)\.git(\/.*)$/.exec(url.pathname) ?? [];
    const service = url.searchParams.get("service") ?? info.slice(1);
    this.pushes.push({ service, authorization: request.headers.authorization });
    if (this.formerPaths.includes(path)) {
      response.writeHead(301, { location: `${this.origin}/${this.path}.git${info}${url.search}` }).end();
      return;
    }
    if (path !== this.path) {
      response.writeHead(404).end();
      return;
    }
    const [, password = ""] = Buffer.from(request.headers.authorization?.replace(/^Basic /i, "") ?? "", "base64")
      .toString()
      .split(":");
    if ((service === "git-receive-pack" || this.isPrivate) && password !== this.token) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return;
    }
    const backend = execa("git", ["http-backend"], {
      env: {
        GIT_PROJECT_ROOT: this.bare,
        PATH_INFO: info,
        GIT_HTTP_EXPORT_ALL: "1",
        REQUEST_METHOD: request.method ?? "GET",
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        REMOTE_USER: "somebody",
        REMOTE_ADDR: "127.0.0.1",
      },
      buffer: { stdout: false, stderr: true },
      encoding: "buffer",
      stdin: "pipe",
      reject: false,
    });
    backend.stdin.on("error", () => request.resume());
    request.pipe(backend.stdin);
    const head = await readCgiHead(backend.stdout);
    if (!head) throw new Error("git http-backend gave no answer");
    response.writeHead(head.status, head.headers);
    if (head.rest.length > 0) response.write(head.rest);
    backend.stdout.pipe(response);
    await backend;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
