import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installHubHooks, serveGit } from "@slipway/git/http-backend";
import { createHubRepository, fetchUpstream } from "@slipway/git/hub";
import { openWorkerRepository } from "@slipway/git/repository";
import { removeWorkspace } from "@slipway/git/workspace";
import { Client } from "@slipway/protocol/client";
import type { AppendableEvent } from "@slipway/protocol/events";
import type { JobView, VerifySpec } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { HubAccess } from "@slipway/protocol/worker-api";
import { pino } from "pino";
import type { AttemptContext, AttemptPaths, EventSink } from "../../apps/worker/src/attempt/context.ts";
import type { Sandbox, SandboxProvider, SandboxRecord } from "../../apps/worker/src/sandbox/sandbox.ts";
import { makeRepository, type TestRepository } from "./repository.ts";
import { type KillAt, Killed, TestJournal } from "./test-journal.ts";

interface AttemptOptions {
  /** Files of the base commit. */
  readonly files: Record<string, string>;
  readonly provider: SandboxProvider;
  readonly toolchains?: readonly string[];
  readonly job?: Partial<JobView>;
}

/** A hub with one repository, and an attempt of one job at it: real git, real HTTP, real processes; only server and daemon are not there. */
export class TestAttempt implements AsyncDisposable {
  readonly root: string;
  readonly source: TestRepository;
  readonly events: AppendableEvent[] = [];
  readonly logs = new Map<string, string>();
  readonly artifacts = new Map<string, Buffer>();
  /** Requests that changed something at the server or the hub: `PUT name`, `push`. */
  readonly writes: string[] = [];
  readonly #server: Server;
  readonly #options: AttemptOptions;
  #job: JobView;
  #hub: HubAccess;
  #fence = 1;
  #verify: VerifySpec | null = null;
  #record: SandboxRecord | undefined;
  #lastRunnerOrdinal = 0;

  private constructor(root: string, source: TestRepository, server: Server, options: AttemptOptions, job: JobView) {
    this.root = root;
    this.source = source;
    this.#server = server;
    this.#options = options;
    this.#job = job;
    this.#hub = this.#hubAccess();
    server.on("request", (request, response) => void this.#answer(request, response));
  }

  static async make(options: AttemptOptions): Promise<TestAttempt> {
    const root = await mkdtemp(join(tmpdir(), "slipway-attempt-"));
    const source = await makeRepository(options.files);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const installationId = newId();
    const attempt = new TestAttempt(root, source, server, options, jobView({ baseOid: await source.head(), ...options.job }));
    attempt.#hub = { ...attempt.#hub, installationId };
    await createHubRepository(attempt.hubRoot, installationId);
    await fetchUpstream(attempt.hubRoot, source.root, AbortSignal.timeout(20_000));
    await installHubHooks(join(root, "hooks"));
    return attempt;
  }

  get hubRoot(): string {
    return join(this.root, "hub");
  }

  get job(): JobView {
    return this.#job;
  }

  get paths(): AttemptPaths {
    const root = join(this.root, "attempts", `${this.#job.id}-${this.#fence}`);
    const own = (name: string): string => join(root, name);
    return {
      ...{ root, workspace: own("workspace"), spool: own("spool"), control: own("control"), work: own("work") },
      ...{ home: join(this.root, "homes", this.#job.id), repository: join(this.root, "repository") },
    };
  }

  /** Keys of all recorded steps, in their order. */
  async steps(): Promise<string[]> {
    return (await TestJournal.open(join(this.paths.root, "journal.jsonl"), { killed: false })).keys;
  }

  /** From now on the attempt is one at a verify job for this commit. */
  verify(spec: Omit<VerifySpec, "completionId">): void {
    const completionId = newId();
    this.#verify = { completionId, ...spec };
    this.#job = jobView({ kind: "verify", backend: "verify", baseOid: spec.mergedOid, completionId });
    this.#record = undefined;
    this.#hub = { ...this.#hub, pushRef: "refs/slipway/none" };
  }

  /** The context of one life of the worker. */
  async context(options: { signal?: AbortSignal; killAt?: KillAt } = {}): Promise<AttemptContext> {
    const { paths } = this;
    for (const folder of [paths.workspace, paths.home, paths.spool, paths.control, paths.work]) await mkdir(folder, { recursive: true });
    const life = { killed: false };
    const journal = await TestJournal.open(join(paths.root, "journal.jsonl"), life, options.killAt);
    return {
      claim: { job: this.#job, fence: this.#fence, claimId: newId(), ttlMs: 10_000, hub: this.#hub, verify: this.#verify },
      paths,
      client: new Client({ url: this.#url(), token: "test" }),
      provider: this.#options.provider,
      resumed: journal.has("started"),
      journal,
      events: this.#sink(life),
      log: pino({ level: "silent" }),
      signal: options.signal ?? new AbortController().signal,
      agentSandbox: async (readOnly) => mortal(await this.#agentSandbox(readOnly), life),
      toolchains: this.#options.toolchains ?? [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#record) await this.#options.provider.reclaim(this.#record);
    const repository = await openWorkerRepository(join(this.root, "repository"), this.#hub, AbortSignal.timeout(20_000));
    await removeWorkspace(repository, this.paths.workspace);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.source[Symbol.asyncDispose]();
    await rm(this.root, { recursive: true, force: true });
  }

  #url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #hubAccess(): HubAccess {
    const git = `${this.#url()}/git/repository`;
    const pushRef = `refs/slipway/jobs/${this.#job.id}/${this.#fence}`;
    return { upstreamUrl: `${git}/upstream.git`, jobsUrl: `${git}/jobs.git`, credential: "attempt", pushRef, localPath: this.hubRoot, installationId: newId() };
  }

  async #agentSandbox(readOnly: readonly string[]): Promise<Sandbox> {
    const { provider } = this.#options;
    const { workspace, home, spool, control } = this.paths;
    const attached = this.#record ? await provider.attach(this.#record) : undefined;
    if (attached) return attached;
    const sandbox = await provider.start({ id: newId(), workspace, home, spool, control, readOnly }, AbortSignal.timeout(20_000));
    this.#record = sandbox.record;
    return sandbox;
  }

  #sink(life: { killed: boolean }): EventSink {
    const attempt = this;
    return {
      async emit(event) {
        if (life.killed) throw new Killed();
        attempt.events.push(event);
      },
      async emitFromRunner(ordinal, _at, event) {
        if (life.killed || ordinal <= attempt.#lastRunnerOrdinal) return;
        attempt.#lastRunnerOrdinal = ordinal;
        attempt.events.push(event);
      },
      get lastRunnerOrdinal() {
        return attempt.#lastRunnerOrdinal;
      },
      log: (stream, bytes) => void attempt.logs.set(stream, (attempt.logs.get(stream) ?? "") + Buffer.from(bytes).toString()),
      flush: async () => {},
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://hub");
    const git = /^\/git\/repository\/(upstream|jobs)\.git(\/.*)$/.exec(pathname);
    try {
      if (git) await this.#serveGit(request, response, `${git[1]}.git`, git[2] ?? "");
      else await this.#takeArtifact(request, response, decodeURIComponent(pathname.split("/").at(-1) ?? ""));
    } catch {
      // The client sees that the answer breaks off, and the test what it makes of that.
      response.destroy();
    }
  }

  async #serveGit(request: IncomingMessage, response: ServerResponse, store: string, pathInfo: string): Promise<void> {
    if (pathInfo === "/git-receive-pack") this.writes.push("push");
    await serveGit(request, response, {
      repositoryPath: join(this.hubRoot, store),
      pathInfo,
      services: ["git-upload-pack", "git-receive-pack"],
      allowedPushRef: this.#hub.pushRef,
      hooksDir: join(this.root, "hooks"),
      maxPackBytes: 1_000_000_000,
      remoteUser: "worker",
    });
  }

  async #takeArtifact(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    this.artifacts.set(name, bytes);
    this.writes.push(`PUT ${name}`);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }));
  }
}

/** A killed worker ends nothing: its sandbox lives on. */
function mortal(sandbox: Sandbox, life: { killed: boolean }): Sandbox {
  const end = async (): Promise<void> => (life.killed ? undefined : await sandbox.end());
  return {
    record: sandbox.record,
    inside: sandbox.inside,
    turn: (request, options) => sandbox.turn(request, options),
    run: (command, signal) => sandbox.run(command, signal),
    end,
    [Symbol.asyncDispose]: end,
  };
}

function jobView(more: Partial<JobView>): JobView {
  return {
    ...{
      id: newId(),
      number: 1,
      kind: "task",
      state: "running",
      repo: { id: newId(), name: "sample" },
      task: "Mend the sum\n\nIt is wrong.",
      title: "Mend the sum",
    },
    ...{
      backend: "script",
      backendConfig: {},
      baseOid: "0".repeat(40),
      target: "main",
      lane: "normal",
      priority: 0,
      runAfter: null,
      dependsOn: [],
      dedupeKey: null,
      requires: [],
    },
    ...{
      maxAttempts: 3,
      timeoutMs: 60_000,
      stallMs: 60_000,
      createdAt: 0,
      updatedAt: 0,
      endedAt: null,
      attempts: 1,
      fence: 1,
      leaseUntil: null,
      workerId: null,
      failure: null,
    },
    ...{ resultOid: null, diffStat: null, landedOid: null, lastSeq: 0, retryOf: null, completionId: null },
    usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 },
    ...more,
  };
}
