import { takeFolderLock } from "@slipway/process/folder-lock";
import { SlipwayError } from "@slipway/protocol/errors";
import type { RegisterWorker } from "@slipway/protocol/worker-api";
import { workspaceCapability } from "@slipway/protocol/workspace-kind";
import type { AttemptServices } from "../attempt/services.ts";
import { limitCapabilities } from "../sandbox/limits/in-force.ts";
import { Workspaces } from "../workspaces/workspaces.ts";
import { openWorkerFolders } from "./folders.ts";
import { readIdentity } from "./identity.ts";
import { Leases } from "./leases.ts";
import { type Controls, makeServices } from "./make-services.ts";
import type { DaemonOptions } from "./options.ts";
import { recover } from "./recover.ts";
import { capabilitiesOf, register } from "./register.ts";
import { hearSignals } from "./signals.ts";
import { runSlots } from "./slots.ts";

/** How long a worker that stops now tries to report its attempts, in ms. */
const REPORT_LIMIT_MS = 5_000;

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
  readonly #watching: Promise<void>;
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
    this.#signals = hearSignals(
      { client: services.client, workerId, running: services.running, inboxes: services.inboxes, onDrain, onOpen, log: options.log },
      controls.stop.signal,
    );
    this.#sweeping = services.sweeper.run(controls.stop.signal);
    this.#reporting = services.reporter.run(controls.stop.signal);
    this.#watching = services.agentWatch?.run(controls.stop.signal) ?? Promise.resolve();
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
      if (newest) services.warm.want({ image: options.provider.images?.of(newest.backend ?? ""), readOnly: newest.readOnly, backend: newest.backend });
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
    await Promise.all([this.idle, this.#signals, this.#sweeping, this.#reporting, this.#watching, this.#services.warm.close()]);
    clearTimeout(limit);
    await this.#services.stores[Symbol.asyncDispose]();
    await this.#services.leases.close();
    await this.#services.workspaces[Symbol.asyncDispose]();
    this.#lock[Symbol.dispose]();
  }
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
