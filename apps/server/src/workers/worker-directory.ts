import { SlipwayError } from "@slipway/protocol/errors";
import type { Cordon, RegisterWorker } from "@slipway/protocol/worker-api";
import type { Actor, Store } from "../store/store.ts";

/** A worker that has a backend says so in its capabilities. */
const BACKEND = "backend:";

/** What a claim needs to know of its worker. */
export interface KnownWorker {
  readonly capabilities: readonly string[];
  readonly draining: boolean;
  /** By a person's word it claims nothing for now. */
  readonly cordoned: boolean;
  /** Its backends whose model calls go through the gateway. */
  readonly meteredBackends: readonly string[];
  /** Names of all its backends. */
  readonly backends: readonly string[];
  /** By backend, the setting by which a job names the agent's program itself; empty where there is none. */
  readonly programSettings: ReadonlyMap<string, string>;
}

/** Workers as registered, remembered so that a claim does not read them from the store each time. This process is the only writer. */
export class WorkerDirectory {
  readonly #store: Store;
  readonly #known = new Map<string, KnownWorker>();

  constructor(store: Store) {
    this.#store = store;
  }

  async register(worker: RegisterWorker): Promise<void> {
    await this.#store.registerWorker(worker);
    this.#known.delete(worker.workerId);
  }

  /** The worker, or NOT_FOUND where it never registered. */
  async get(workerId: string): Promise<KnownWorker> {
    const known = this.#known.get(workerId);
    if (known) return known;
    const row = (await this.#store.listWorkers()).find((worker) => worker.id === workerId);
    if (!row) throw new SlipwayError("NOT_FOUND", "This worker is not registered.", { workerId, hint: "Register it with POST /v1/workers, at every start." });
    const meteredBackends = row.backends.filter(({ capabilities }) => capabilities.model).map(({ name }) => name);
    const backends = row.capabilities.flatMap((name) => (name.startsWith(BACKEND) ? [name.slice(BACKEND.length)] : []));
    const programSettings = new Map(row.backends.map(({ name, programSetting = "" }) => [name, programSetting]));
    const worker = { capabilities: row.capabilities, draining: row.draining, cordoned: row.cordon !== null, meteredBackends, backends, programSettings };
    this.#known.set(workerId, worker);
    return worker;
  }

  async setDraining(workerId: string, draining: boolean, by: Actor): Promise<void> {
    if (!(await this.#store.setDraining(workerId, draining, by))) throw new SlipwayError("NOT_FOUND", "There is no such worker.", { workerId });
    this.#known.delete(workerId);
  }

  async cordon(workerId: string, reason: string | null, by: Actor): Promise<Cordon> {
    const cordon = await this.#store.cordonWorker(workerId, reason, by);
    if (!cordon) throw new SlipwayError("NOT_FOUND", "There is no such worker.", { workerId });
    this.#known.delete(workerId);
    return cordon;
  }

  /** Whether it was cordoned. */
  async uncordon(workerId: string, by: Actor): Promise<boolean> {
    const wasCordoned = await this.#store.uncordonWorker(workerId, by);
    if (wasCordoned === undefined) throw new SlipwayError("NOT_FOUND", "There is no such worker.", { workerId });
    this.#known.delete(workerId);
    return wasCordoned;
  }
}
