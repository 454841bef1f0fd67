import { createHash } from "node:crypto";
import { StoreKeeper } from "@slipway/git/store-keeper";
import { takeFolderLock } from "@slipway/process/folder-lock";
import { secretsFolder } from "@slipway/process/secret-file";
import { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobKind } from "@slipway/protocol/job";
import type { Manifest } from "@slipway/protocol/manifest";
import { DEFAULT_PORTS, type PortRange, parsePortRange } from "@slipway/protocol/port-range";
import type { Outcome, RegisterWorker } from "@slipway/protocol/worker-api";
import { workspaceCapability } from "@slipway/protocol/workspace-kind";
import type { Logger } from "pino";
import type { AttemptContext } from "../attempt/context.ts";
import { runOne, type Start } from "../attempt/run-one.ts";
import type { AttemptServices } from "../attempt/services.ts";
import { limitCapabilities } from "../sandbox/limits/in-force.ts";
import type { SandboxLimits } from "../sandbox/limits/limits.ts";
import type { SandboxProvider } from "../sandbox/sandbox.ts";
import { BackendSecrets, type SecretSources } from "../secrets/backend-secrets.ts";
import { type WorkspaceSettings, Workspaces } from "../workspaces/workspaces.ts";
import { claimLoop } from "./claim-loop.ts";
import { openWorkerFolders, type WorkerFolders } from "./folders.ts";
import { noRoom } from "./free-space.ts";
import { Hold } from "./hold.ts";
import { Homes } from "./homes.ts";
import { readIdentity } from "./identity.ts";
import { JobPortRanges } from "./job-ports.ts";
import { Leases } from "./leases.ts";
import { PendingClaims } from "./pending-claims.ts";
import { recover } from "./recover.ts";
import { capabilitiesOf, register } from "./register.ts";
import { hearSignals } from "./signals.ts";
import { startWarm } from "./start-warm.ts";
import { HomeSweeper } from "./sweep-homes.ts";
import { WarmPool } from "./warm.ts";
import { WarmMounts } from "./warm-mounts.ts";
import { WorkerReporter } from "./worker-report.ts";

/** No job for this long, in ms, and sandboxes that wait are ended, but for the least number. */
const WARM_IDLE_MS = 900_000;
/** How long a worker that stops now tries to report its attempts, in ms. */
const REPORT_LIMIT_MS = 5_000;

export interface DaemonOptions {
  readonly dataFolder: string;
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly slots: number;
  readonly verifySlots: number;
  readonly provider: SandboxProvider;
  readonly manifests: readonly Manifest[];
  /** Where the secrets of backends are; in the data folder alone where this is missing. */
  readonly secrets?: Omit<SecretSources, "manifests">;
  /** Host patterns: of these the egress proxy takes private addresses too; none where it is missing. */
  readonly egressPrivateHosts?: readonly string[];
  /** Those that hold here; none where they are missing. */
  readonly limits?: SandboxLimits;
  readonly toolchains: readonly string[];
  /** Of which each attempt gets some of its own; the default of installations where this is missing. */
  readonly ports?: PortRange;
  /** How workspaces are made; by checkouts of their own where this is missing. */
  readonly workspaces?: WorkspaceSettings;
  readonly runAttempt: (context: AttemptContext) => Promise<Outcome>;
  readonly version: string;
  readonly log: Logger;
  /** Ends the start, such as while the server is out of reach. */
  readonly signal: AbortSignal;
  readonly minFreeBytes?: number;
  /** Below this much memory that is available nothing new is claimed; MIN_FREE_MEMORY_BYTES where it is missing. */
  readonly minFreeMemoryBytes?: number;
  readonly spoolLimitBytes?: number;
  readonly renewMs?: number;
  readonly sweepMs?: number;
  /** How long the worker must have been idle before it packs and prunes its git stores, in ms. */
  readonly storesIdleMs?: number;
  /** How many sandboxes wait for jobs: at most, and at least when no job has come for `idleMs`. */
  readonly warm?: { readonly min?: number; readonly max?: number; readonly idleMs?: number };
}

/**
 * The worker: N slots for tasks and M for verify jobs, each a claim loop. `drain` claims nothing more and ends when the last attempt has; `stop` ends
 * the attempts too, and reports them.
 */
export class WorkerDaemon implements AsyncDisposable {
  readonly workerId: string;
  /** Resolves when no loop is left: after a drain, or with a stop. */
  readonly idle: Promise<void>;
  readonly #services: AttemptServices;
  readonly #claiming: AbortController;
  readonly #stop: AbortController;
  readonly #giveUp: AbortController;
  readonly #lock: Disposable;
  readonly #signals: Promise<void>;
  readonly #sweeping: Promise<void>;
  readonly #reporting: Promise<void>;
  #stopping: Promise<void> | undefined;

  private constructor(workerId: string, services: AttemptServices, controls: Controls, lock: Disposable, loops: Promise<void>, options: DaemonOptions) {
    this.workerId = workerId;
    this.idle = loops;
    this.#services = services;
    this.#claiming = controls.claiming;
    this.#stop = controls.stop;
    this.#giveUp = controls.giveUp;
    this.#lock = lock;
    const onDrain = (): void => this.drain();
    const onOpen = (): void => void services.reporter.say(true);
    this.#signals = hearSignals({ client: services.client, workerId, running: services.running, onDrain, onOpen, log: options.log }, controls.stop.signal);
    this.#sweeping = services.sweeper.run(controls.stop.signal);
    this.#reporting = services.reporter.run(controls.stop.signal);
  }

  /** Takes the folder, registers, takes up what an earlier process left, and begins to claim. DATA_FOLDER_IN_USE; what the server refuses with. */
  static async start(options: DaemonOptions): Promise<WorkerDaemon> {
    const folders = await openWorkerFolders(options.dataFolder);
    const lock = takeFolderLock({ path: folders.lock, part: "worker", data: options.dataFolder });
    const controls: Controls = { claiming: new AbortController(), stop: new AbortController(), giveUp: new AbortController() };
    const onDeath = (error: unknown): void =>
      controls.claiming.abort(new SlipwayError("INTERNAL", "The thread that renews leases ended.", {}, { cause: error }));
    const leases = new Leases({ url: options.url, token: options.token, log: options.log, onDeath, ...(options.renewMs ? { renewMs: options.renewMs } : {}) });
    let workspaces: Workspaces | undefined;
    try {
      const workerId = await readIdentity(folders.identity);
      workspaces = await Workspaces.open(folders, { setting: "worktree", ...options.workspaces, owner: options.provider.owner }, options.log);
      const services = await makeServices(options, workerId, folders, workspaces, leases, controls);
      const registration = registrationOf(options, workspaces, workerId);
      const again = (): Promise<unknown> => register(services.client, registration, options.log, controls.claiming.signal);
      const { live } = await register(services.client, registration, options.log, options.signal);
      await services.stores.removeLeftovers();
      const resumed = await recover(services, live);
      await options.provider.images?.refresh(options.manifests.map(({ name }) => name));
      await services.ports.keep(resumed.flatMap(({ turnPort }) => turnPort ?? []));
      const newest = services.warmMounts.newest;
      if (newest) services.warm.want({ image: options.provider.images?.of(newest.backend ?? ""), readOnly: newest.readOnly });
      services.warm.hurry();
      const loops = runSlots(
        options,
        services,
        workerId,
        controls.claiming.signal,
        again,
        resumed.map((state) => ({ kind: "resumed", state })),
      );
      return new WorkerDaemon(workerId, services, controls, lock, loops, options);
    } catch (error) {
      await leases.close();
      await workspaces?.giveUp();
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** Attempts that run now. */
  get active(): number {
    return this.#services.running.size;
  }

  /** Why the worker can go on no longer, where it is not a drain or a stop; set when `idle` resolves. */
  get failure(): SlipwayError | undefined {
    const reason: unknown = this.#claiming.signal.reason;
    return reason instanceof SlipwayError && reason.code === "INTERNAL" ? reason : undefined;
  }

  /** Resolves when no sandbox is being started ahead. */
  async warmed(): Promise<void> {
    await this.#services.warm.settled();
  }

  /** Claims nothing more; attempts go on to their end. A claim that the server answers in this very moment is not taken up: its lease runs out. */
  drain(): void {
    if (this.#claiming.signal.aborted) return;
    this.#services.log.info({ active: this.active }, "draining: nothing more is claimed");
    this.#claiming.abort(new SlipwayError("WORKER_STOPPED", "The worker drains."));
  }

  /** Ends everything now: attempts are aborted and reported, for some seconds at most, then all sandboxes are ended. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#end();
    await this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #end(): Promise<void> {
    const stopped = new SlipwayError("WORKER_STOPPED");
    this.#claiming.abort(stopped);
    this.#stop.abort(stopped);
    const limit = setTimeout(() => this.#giveUp.abort(stopped), REPORT_LIMIT_MS);
    await Promise.all([this.idle, this.#signals, this.#sweeping, this.#reporting, this.#services.warm.close()]);
    clearTimeout(limit);
    await this.#services.stores[Symbol.asyncDispose]();
    await this.#services.leases.close();
    await this.#services.workspaces[Symbol.asyncDispose]();
    this.#lock[Symbol.dispose]();
  }
}

interface Controls {
  readonly claiming: AbortController;
  readonly stop: AbortController;
  readonly giveUp: AbortController;
}

async function makeServices(
  options: DaemonOptions,
  workerId: string,
  folders: WorkerFolders,
  workspaces: Workspaces,
  leases: Leases,
  controls: Controls,
): Promise<AttemptServices> {
  const { provider, log, slots } = options;
  const client = new Client({ url: options.url, token: options.token });
  const warm: WarmPool = new WarmPool({
    slots: Math.min(slots, options.warm?.max ?? slots),
    ...poolRest(options),
    start: (shape, onLost, signal) =>
      startWarm({ folders, provider, leases, onWarmed: (image, failures) => reporter.warmed(image, failures) }, shape, onLost, signal),
    onTroubles: () => void reporter.say(),
    log,
  });
  const reporter = new WorkerReporter({ client, workerId, provider, backends: options.manifests.map(({ name }) => name), pool: warm, log });
  const homes = new Homes(folders.homes);
  const stores = new StoreKeeper({
    folder: folders.repositories,
    onTrouble: (err, repositoryId) => log.warn({ err, repositoryId }, "the git stores of a repository could not be cleaned; tried again later"),
    ...(options.storesIdleMs === undefined ? {} : { idleMs: options.storesIdleMs }),
  });
  const sweeper = new HomeSweeper({ homes, client, log, ...(options.sweepMs === undefined ? {} : { intervalMs: options.sweepMs }) });
  return {
    folders,
    client,
    provider,
    leases,
    homes,
    stores,
    workspaces,
    sweeper,
    ports: portsOf(options, workerId),
    warm,
    reporter,
    warmMounts: await WarmMounts.open(`${folders.root}/warm.json`),
    toolchains: options.toolchains,
    secrets: new BackendSecrets({
      folder: secretsFolder(options.dataFolder, "worker"),
      variables: new Map(),
      ...options.secrets,
      manifests: options.manifests,
    }),
    manifests: options.manifests,
    egressPrivateHosts: options.egressPrivateHosts ?? [],
    log,
    runAttempt: options.runAttempt,
    stop: controls.stop.signal,
    giveUp: controls.giveUp.signal,
    running: new Map(),
    ...(options.spoolLimitBytes === undefined ? {} : { spoolLimitBytes: options.spoolLimitBytes }),
  };
}

function portsOf({ ports, slots, verifySlots, provider }: DaemonOptions, workerId: string): JobPortRanges {
  const range = ports ?? parsePortRange(DEFAULT_PORTS);
  if (!range) throw new SlipwayError("INTERNAL", "The default range of ports is none.");
  return new JobPortRanges({ range, slots: slots + verifySlots, seed: createHash("sha256").update(workerId).digest().readUInt32BE(), kind: provider.kind });
}

/** Containers that wait cost memory: without a word of a person, one stays when no job has come for a while. */
function poolRest({ provider, warm }: DaemonOptions): { min?: number; idleMs?: number } {
  const isDocker = provider.kind === "docker";
  const min = warm?.min ?? (isDocker ? 1 : undefined);
  const idleMs = warm?.idleMs ?? (isDocker || warm?.min !== undefined ? WARM_IDLE_MS : undefined);
  return { ...(min === undefined ? {} : { min }), ...(idleMs === undefined ? {} : { idleMs }) };
}

function registrationOf(options: DaemonOptions, { kind }: Workspaces, workerId: string): RegisterWorker {
  const { name, slots, verifySlots, manifests, version, provider, toolchains } = options;
  return {
    workerId,
    name,
    slots,
    verifySlots,
    capabilities: [...capabilitiesOf(manifests, provider, toolchains), workspaceCapability(kind), ...(options.limits ? limitCapabilities(options.limits) : [])],
    backends: [...manifests],
    sandbox: provider.kind,
    version,
  };
}

/** All slots at once. Each takes up a resumed attempt of its kind first; where there are more of these than slots, they run beside. */
async function runSlots(
  options: DaemonOptions,
  services: AttemptServices,
  workerId: string,
  signal: AbortSignal,
  registerAgain: () => Promise<unknown>,
  resumed: Array<Extract<Start, { kind: "resumed" }>>,
): Promise<void> {
  const pending = await PendingClaims.open(services.folders.claims);
  const hold = new Hold(services.client, workerId, options.log);
  const slot = async (kind: JobKind, first: Start | undefined): Promise<void> => {
    if (first) await runOne(services, first);
    const run = (claim: Extract<Start, { kind: "claimed" }>["claim"], settled: () => Promise<void>): Promise<void> =>
      runOne(services, { kind: "claimed", claim, settled });
    const room = async (): Promise<string | undefined> => {
      const reason = await noRoom(services.folders.root, options);
      if (reason === undefined) return undefined;
      // Bases that nobody uses may be what fills the disk.
      await services.workspaces.makeRoom();
      return await noRoom(services.folders.root, options);
    };
    await claimLoop({ client: services.client, workerId, kind, pending, noRoom: room, hold, run, register: registerAgain, log: options.log }, signal);
  };
  const takeResumed = (kind: JobKind): Start | undefined => {
    const index = resumed.findIndex(({ state }) => state.claim.job.kind === kind);
    return index < 0 ? undefined : resumed.splice(index, 1)[0];
  };
  const loops = [
    ...Array.from({ length: options.slots }, () => slot("task", takeResumed("task"))),
    ...Array.from({ length: options.verifySlots }, () => slot("verify", takeResumed("verify"))),
  ];
  await Promise.all([...loops, ...resumed.map((start) => runOne(services, start))]);
  // A drain needs no sandboxes ahead; a stop has closed the pool already.
  await services.warm.close();
}
