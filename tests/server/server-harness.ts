import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Role } from "@slipway/protocol/accounts";
import { Client } from "@slipway/protocol/client";
import type { JobView, SubmitJobInput } from "@slipway/protocol/job";
import type { RepositoryView } from "@slipway/protocol/repository";
import { type SandboxKind, sandboxCapability } from "@slipway/protocol/sandbox-kind";
import { newId } from "@slipway/protocol/scalars";
import type { Claim } from "@slipway/protocol/worker-api";
import { type RunningServer, type ServerOptions, startServer } from "@slipway/server/server";
import pino from "pino";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";

const SILENT = pino({ level: process.env["SLIPWAY_TEST_LOG"] ?? "silent" }, pino.destination({ dest: 2, sync: true }));

/** A real server of a test, in this process: real HTTP on loopback, a real store, a real hub. */
export class TestServer implements AsyncDisposable {
  readonly #options: ServerOptions;
  server: RunningServer;
  readonly tokens: Record<Role, string>;
  readonly #repositories: TestRepository[] = [];

  private constructor(options: ServerOptions, server: RunningServer, tokens: Record<Role, string>) {
    this.#options = options;
    this.server = server;
    this.tokens = tokens;
  }

  static async start(more: Partial<ServerOptions> = {}): Promise<TestServer> {
    const data = await mkdtemp(join(tmpdir(), "slipway-server-"));
    const options = { data, host: "127.0.0.1", port: 0, allowRemote: false, allowedOrigins: ["https://board.example"], log: SILENT, ...more };
    const server = await startServer(options);
    const file = async (role: string) => (await readFile(join(data, "tokens", `${role}.token`), "utf8")).trim();
    const admin = new Client({ url: server.url, token: await file("admin") });
    const make = async (role: Role) => (await admin.call("createToken", { body: { name: role, role } })).token;
    const tokens = {
      admin: await file("admin"),
      worker: await file("worker"),
      integrator: await file("integrator"),
      gateway: await file("gateway"),
      submitter: await make("submitter"),
      viewer: await make("viewer"),
    };
    return new TestServer(options, server, tokens);
  }

  get data(): string {
    return this.#options.data;
  }

  get url(): string {
    return this.server.url;
  }

  client(role: Role): Client {
    return new Client({ url: this.url, token: this.tokens[role] });
  }

  /** Stops the server and starts another one on the same folder; `more` from here on. */
  async restart(more: Partial<ServerOptions> = {}): Promise<void> {
    await this.server.close();
    this.server = await startServer({ ...this.#options, ...more });
  }

  /** A plain request, for what the typed client would not send. */
  async request(
    method: string,
    path: string,
    options: { role?: Role | null; headers?: Record<string, string>; body?: unknown } = {},
  ): Promise<{ status: number; body: never }> {
    const role = options.role === undefined ? "admin" : options.role;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(role === null ? {} : { authorization: `Bearer ${this.tokens[role]}` }),
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: typeof options.body === "string" ? options.body : JSON.stringify(options.body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text ? (JSON.parse(text) as never) : (undefined as never) };
  }

  /** A registered repository with one commit on `main`. */
  async repository(files: Record<string, string> = { "a.txt": "a\n" }, name = `repo-${newId()}`): Promise<{ view: RepositoryView; source: TestRepository }> {
    const source = await makeRepository(files);
    this.#repositories.push(source);
    const view = await source.register(this.client("admin"), name);
    return { view, source };
  }

  async submit(repo: string, more: Partial<SubmitJobInput> = {}): Promise<JobView> {
    return (await this.client("submitter").call("submitJob", { body: { repo, task: "Do it", ...more } })).job;
  }

  /** A registered worker that can take script jobs, and verify jobs of its own kind. */
  async worker(capabilities: string[] = ["backend:script"], sandbox: SandboxKind = "none"): Promise<string> {
    const workerId = newId();
    const body = {
      workerId,
      name: `worker-${workerId.slice(-4)}`,
      slots: 4,
      verifySlots: 2,
      capabilities: [...capabilities, sandboxCapability(sandbox)],
      backends: [],
      sandbox,
      version: "0",
    };
    await this.client("worker").call("registerWorker", { body });
    return workerId;
  }

  async claim(
    workerId: string,
    options: { claimId?: string; kinds?: Array<"task" | "verify">; waitMs?: number; signal?: AbortSignal } = {},
  ): Promise<Claim | null> {
    const body = { claimId: options.claimId ?? newId(), workerId, kinds: options.kinds ?? ["task" as const], waitMs: options.waitMs ?? 0 };
    return (await this.client("worker").call("claim", { body, ...(options.signal ? { signal: options.signal } : {}) })).claim;
  }

  /** Commits a change on top of the job's base and pushes it where the claim says; the commit. */
  async pushChange(source: TestRepository, claim: Claim, files: Record<string, string>): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), "slipway-change-"));
    try {
      await git(dir, "clone", "--quiet", source.root, "clone");
      const clone = join(dir, "clone");
      await git(clone, "checkout", "--quiet", "--detach", claim.job.baseOid);
      return await commitAndPush(clone, files, claim.hub.jobsUrl, claim.hub.credential, claim.hub.pushRef);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    for (const repository of this.#repositories) await repository[Symbol.asyncDispose]();
    await rm(this.data, { recursive: true, force: true });
  }
}

/** An address with the credential as its password, as git wants it. */
export function withCredential(url: string, credential: string): string {
  return url.replace("://", `://x:${credential}@`);
}

async function commitAndPush(clone: string, files: Record<string, string>, url: string, credential: string, ref: string): Promise<string> {
  for (const [path, text] of Object.entries(files)) await writeFile(join(clone, path), text);
  await git(clone, "add", "--all");
  await git(clone, "commit", "--quiet", "--message", "Change");
  await git(clone, "push", "--quiet", withCredential(url, credential), `HEAD:${ref}`);
  return await git(clone, "rev-parse", "HEAD");
}
