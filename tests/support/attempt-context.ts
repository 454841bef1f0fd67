import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SetupLayers } from "@slipway/git/bases/setup-layers";
import { installHubHooks, serveGit } from "@slipway/git/http-backend";
import { createHubRepository } from "@slipway/git/hub";
import { openWorkerRepository } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { removeWorkspace } from "@slipway/git/workspace";
import type { Baselines, GateFlake } from "@slipway/protocol/baseline";
import { Client } from "@slipway/protocol/client";
import { type AskedCritic, askedCriticSchema, type CriticOpinion, keepOpinionSchema } from "@slipway/protocol/critic";
import { SlipwayError } from "@slipway/protocol/errors";
import type { AppendableEvent } from "@slipway/protocol/events";
import type { AttemptModel } from "@slipway/protocol/gateway-api";
import type { JobView, VerifySpec } from "@slipway/protocol/job";
import type { Manifest } from "@slipway/protocol/manifest";
import { newId } from "@slipway/protocol/scalars";
import type { HubAccess } from "@slipway/protocol/worker-api";
import { pino } from "pino";
import type { AttemptContext, AttemptPaths, AttemptSetupLayers, SidePlace } from "../../apps/worker/src/attempt/context.ts";
import { AttemptEvents } from "../../apps/worker/src/attempt/event-sink.ts";
import { EventSpool, type SpooledEvent } from "../../apps/worker/src/attempt/event-spool.ts";
import { FileJournal } from "../../apps/worker/src/attempt/journal.ts";
import { monotonicNowMs } from "../../apps/worker/src/sandbox/lease-file.ts";
import type { Sandbox, SandboxProvider, SandboxRecord } from "../../apps/worker/src/sandbox/sandbox.ts";
import { BackendSecrets, type SecretSources } from "../../apps/worker/src/secrets/backend-secrets.ts";
import { Masks } from "../../apps/worker/src/secrets/masks.ts";
import { Life, mortalEvents, mortalJournal } from "./mortal-worker.ts";
import { makeRepository, type TestRepository } from "./repository.ts";
import { sampleJob } from "./sample-job.ts";

interface AttemptOptions {
  /** Files of the base commit. */
  readonly files: Record<string, string>;
  readonly provider: SandboxProvider;
  readonly toolchains?: readonly string[];
  readonly egressPrivateHosts?: readonly string[];
  /** Whether its home is said to be a kept one. */
  readonly keptHome?: boolean;
  readonly job?: Partial<JobView>;
  readonly manifests?: readonly Manifest[];
  /** A folder that is not there where it is missing. */
  readonly secrets?: Omit<SecretSources, "manifests">;
  readonly manifest?: Manifest;
  /** The hub is on another machine: everything comes and goes over HTTP. */
  readonly isRemote?: boolean;
  readonly gatewaySocket?: string;
}

/** A hub with one repository, and an attempt of one job at it: real git, real HTTP, real processes; only server and daemon are not there. */
export class TestAttempt implements AsyncDisposable {
  readonly root: string;
  readonly source: TestRepository;
  readonly artifacts = new Map<string, Buffer>();
  /** What its server has for the job's images. */
  readonly images: Buffer[] = [];
  imageFetches = 0;
  /** What its server keeps of critics; to be handed to another attempt's for one that comes after it. */
  readonly opinions = new Map<string, CriticOpinion>();
  baselineQuestions = 0;
  /** What its server knows of gates: an attempt may be told of the baselines of another, as the jobs of one repository are. */
  known: Baselines & { flakes: GateFlake[] } = { baselines: [], quarantined: [], flakes: [] };
  /** Requests that changed something at the server or the hub: `PUT name`, `push`. */
  readonly writes: string[] = [];
  /** What the server says of the attempt's model calls; called at each question. */
  model: () => AttemptModel | SlipwayError = () => ({ calls: 0, usage: this.#job.usage, failure: null, retryAfterMs: null });
  /** Set to have the hub fall silent in the middle of a pack that it sends, or before it answers one that it got; `begun` is resolved when it does. */
  stall: { readonly service: "git-upload-pack" | "git-receive-pack"; readonly begun: PromiseWithResolvers<void> } | undefined;
  readonly #server: Server;
  readonly #options: AttemptOptions;
  #job: JobView;
  #hub: HubAccess;
  #fence = 1;
  #verify: VerifySpec | null = null;
  #record: SandboxRecord | undefined;
  #layers: SetupLayers | undefined;
  /** What went wrong where nobody waited for it. */
  readonly trouble: unknown[] = [];
  /** Journal and spool of the worker's last life. */
  #files = new AsyncDisposableStack();

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
    const attempt = new TestAttempt(root, source, server, options, sampleJob({ baseOid: await source.head(), ...options.job }));
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

  /** What the attempt has told so far, from its spool. */
  get events(): AppendableEvent[] {
    const lines = readFileSync(join(this.paths.root, "events.jsonl"), "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => (JSON.parse(line) as SpooledEvent).event);
  }

  /** The log streams, put together. */
  get logs(): Map<string, string> {
    const logs = new Map<string, string>();
    for (const { kind, data } of this.events) if (kind === "log") logs.set(data.stream, (logs.get(data.stream) ?? "") + data.text);
    return logs;
  }

  /** From now on the attempt is one at a verify job for this commit. */
  verify(spec: Omit<VerifySpec, "completionId">): void {
    const completionId = newId();
    this.#verify = { completionId, ...spec };
    this.#job = sampleJob({ kind: "verify", backend: "verify", baseOid: spec.mergedOid, completionId });
    this.#record = undefined;
    this.#hub = { ...this.#hub, pushRef: "refs/slipway/none" };
  }

  /** The context of one life of the worker; the one before is over then. */
  async context(options: { signal?: AbortSignal; lost?: AbortSignal; life?: Life } = {}): Promise<AttemptContext> {
    const { paths } = this;
    for (const folder of [paths.workspace, paths.home, paths.spool, paths.control, paths.work]) await mkdir(folder, { recursive: true });
    await this.#files.disposeAsync();
    this.#files = new AsyncDisposableStack();
    const { life = new Life() } = options;
    const journal = this.#files.use(await FileJournal.open(join(paths.root, "journal.jsonl")));
    const spool = this.#files.use(await EventSpool.open(join(paths.root, "events.jsonl")));
    const model = { token: "slipmodel_test" };
    const masks = new Masks([this.#hub.credential, model.token]);
    const events = new AttemptEvents(spool, { acknowledged: async () => undefined }, undefined, masks);
    const { secrets = { folder: join(this.root, "secrets"), variables: new Map() }, manifests = [] } = this.#options;
    return {
      claim: { job: this.#job, fence: this.#fence, claimId: newId(), ttlMs: 10_000, hub: this.#hub, model, verify: this.#verify },
      manifest: this.#options.manifest,
      manifestOf: (backend) => manifests.find(({ name }) => name === backend),
      gatewaySocket: this.#options.gatewaySocket,
      paths,
      shared: undefined,
      setupLayers: await this.#setupLayers(),
      sidePlace: () => this.#sidePlace(),
      client: new Client({ url: this.url, token: "test" }),
      provider: this.#options.provider,
      image: undefined,
      takenUpAtMs: monotonicNowMs(),
      resumed: journal.has("started"),
      journal: mortalJournal(journal, life),
      events: mortalEvents(events, life),
      secrets: new BackendSecrets({ ...secrets, manifests }),
      masks,
      log: pino({ level: "silent" }),
      signal: options.signal ?? options.lost ?? new AbortController().signal,
      lost: options.lost ?? options.signal ?? new AbortController().signal,
      agentSandbox: async (readOnly) => {
        const sandbox = await this.#agentSandbox(readOnly);
        events.useRunner(sandbox.record.spec.id);
        return mortal(sandbox, life);
      },
      toolchains: this.#options.toolchains ?? [],
      keptHome: this.#options.keptHome ?? false,
      ports: { turnBase: 20_000, commandBase: 20_010 },
      egressPrivateHosts: this.#options.egressPrivateHosts ?? [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files.disposeAsync();
    await this.#layers?.[Symbol.asyncDispose]();
    this.stall = undefined;
    if (this.#record) await this.#options.provider.reclaim(this.#record);
    const repository = await openWorkerRepository(join(this.root, "repository"), this.#hub, AbortSignal.timeout(20_000));
    await removeWorkspace(repository, this.paths.workspace);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.source[Symbol.asyncDispose]();
    await rm(this.root, { recursive: true, force: true });
  }

  /** The address of the hub's server. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #hubAccess(): HubAccess {
    const git = `${this.url}/git/repository`;
    const pushRef = `refs/slipway/jobs/${this.#job.id}/${this.#fence}`;
    const localPath = this.#options.isRemote ? join(this.root, "elsewhere") : this.hubRoot;
    return {
      upstreamUrl: `${git}/upstream.git`,
      jobsUrl: `${git}/jobs.git`,
      credential: "hub-credential-of-a-test",
      pushRef,
      localPath,
      installationId: newId(),
    };
  }

  async #setupLayers(): Promise<AttemptSetupLayers> {
    const onTrouble = (error: unknown): void => void this.trouble.push(error);
    this.#layers ??= await SetupLayers.open({ folder: join(this.root, "setup-layers"), bootId: "test", onTrouble });
    const layers = this.#layers;
    const user = this.paths.workspace;
    return {
      find: (keys) => layers.find(user, keys),
      use: (request, signal) => layers.use(user, request, signal),
      addKey: (id, key) => layers.addKey(id, key),
    };
  }

  async #sidePlace(): Promise<SidePlace> {
    const root = join(this.root, "side", newId());
    const place = { workspace: join(root, "workspace"), home: join(root, "home"), spool: join(root, "spool"), control: join(root, "control") };
    for (const folder of Object.values(place)) await mkdir(folder, { recursive: true });
    return { place, shared: undefined, provider: this.#options.provider, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
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

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://hub");
    const git = /^\/git\/repository\/(upstream|jobs)\.git(\/.*)$/.exec(pathname);
    try {
      if (git) await this.#serveGit(request, response, `${git[1]}.git`, git[2] ?? "");
      else if (pathname.endsWith("/model")) answerJson(response, this.model());
      else if (pathname.endsWith("/opinions")) await this.#opinions(request, response);
      else if (pathname.endsWith("/baselines")) await this.#answerBaselines(request, response);
      else if (pathname.endsWith("/flakes")) {
        this.known.flakes.push(JSON.parse((await bodyOf(request)).toString()) as GateFlake);
        answerJson(response, {});
      } else if (pathname.includes("/images/")) this.#giveImage(response, Number(pathname.split("/").at(-1)));
      else await this.#takeArtifact(request, response, decodeURIComponent(pathname.split("/").at(-1) ?? ""));
    } catch {
      // The client sees that the answer breaks off, and the test what it makes of that.
      response.destroy();
    }
  }

  async #serveGit(request: IncomingMessage, response: ServerResponse, store: string, pathInfo: string): Promise<void> {
    if (this.stall && pathInfo === "/git-receive-pack" && this.stall.service === "git-receive-pack") return this.stall.begun.resolve();
    if (this.stall?.service === "git-upload-pack") breakOffInPack(response, this.stall.begun.resolve);
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

  /** As the server keeps them, by tree, question and critic. */
  async #opinions(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { searchParams } = new URL(request.url ?? "/", "http://hub");
    const keyOf = (asked: AskedCritic): string => JSON.stringify([asked.tree, asked.question, asked.critic]);
    const sent = chunks.length > 0 ? keepOpinionSchema.parse(JSON.parse(Buffer.concat(chunks).toString())) : undefined;
    if (sent && !this.opinions.has(keyOf(sent))) this.opinions.set(keyOf(sent), sent.opinion);
    const opinion = sent ? null : (this.opinions.get(keyOf(askedCriticSchema.parse(Object.fromEntries(searchParams)))) ?? null);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(sent ? {} : { opinion }));
  }

  async #answerBaselines(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { baselines, quarantined } = this.known;
    if (request.method === "GET") {
      this.baselineQuestions += 1;
      const tree = new URL(request.url ?? "/", "http://hub").searchParams.get("tree");
      return answerJson(response, { baselines: baselines.filter((one) => one.tree === tree), quarantined });
    }
    baselines.push(...(JSON.parse((await bodyOf(request)).toString()) as Pick<Baselines, "baselines">).baselines);
    answerJson(response, {});
  }

  #giveImage(response: ServerResponse, place: number): void {
    this.imageFetches += 1;
    response.end(this.images[place - 1]);
  }

  async #takeArtifact(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    const bytes = await bodyOf(request);
    this.artifacts.set(name, bytes);
    this.writes.push(`PUT ${name}`);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }));
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answerJson(response: ServerResponse, answer: AttemptModel | Baselines | Record<string, never> | SlipwayError): void {
  response.writeHead(answer instanceof SlipwayError ? answer.status : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(answer));
}

/** Sends the beginning of a pack, and then nothing more. */
function breakOffInPack(response: ServerResponse, onSilent: () => void): void {
  const write = response.write.bind(response) as (bytes: Uint8Array) => boolean;
  response.write = (chunk: Buffer): boolean => {
    const start = chunk.indexOf("PACK");
    if (start < 0) return write(chunk);
    write(chunk.subarray(0, start + 20));
    response.end = () => response;
    onSilent();
    return false;
  };
}

/** A killed worker ends nothing: its sandbox lives on. */
function mortal(sandbox: Sandbox, life: Life): Sandbox {
  const end = async (): Promise<void> => (life.isOver ? undefined : await sandbox.end());
  return {
    record: sandbox.record,
    inside: sandbox.inside,
    sockets: sandbox.sockets,
    turn: (request, options) => sandbox.turn(request, options),
    run: (command, signal) => sandbox.run(command, signal),
    memoryEvidence: () => sandbox.memoryEvidence(),
    end,
    [Symbol.asyncDispose]: end,
  };
}
