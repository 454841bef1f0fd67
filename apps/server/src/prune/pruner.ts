import type { Logger } from "pino";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { forgetBases } from "../jobs/resolve-base.ts";
import { maintainHub } from "./maintain-hub.ts";
import { pruneAudit } from "./prune-audit.ts";
import { UnusedBases } from "./prune-bases.ts";
import { pruneImages } from "./prune-images.ts";
import { pruneJobData } from "./prune-jobs.ts";
import { pruneKeptTips } from "./prune-kept-tips.ts";
import { pruneJobRefs, pruneMergeRefs, type RefRules } from "./prune-refs.ts";

/** Time between two rounds, in ms. */
const ROUND_MS = 3_600_000;
/** The first round comes this long after the start, in ms: nobody waits for it, and a start has other things to do. */
const FIRST_MS = 15_000;

export interface PrunerOptions {
  /** How long a final job keeps what is not its row, in ms. */
  readonly retentionMs: number;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

/**
 * The duty that keeps the data folder from growing for ever: refs, events and artifacts of final jobs, and what no ref reaches on the hub.
 *
 * - Refs of attempts go with their job: at once where the job's own commit is on its target, else `retentionMs` after the job's end.
 * - A ref of a merge goes when its completion and the verify jobs for it have ended.
 * - A base goes when no job that started from it is active, or ended less than `retentionMs` ago.
 * - What a rewritten history at a repository's address dropped goes `retentionMs` after that, unless a person has still to decide over it.
 * - Artifacts and events go `retentionMs` after the job's end. The job's row, its attempts and its receipts stay.
 * - Images of jobs go when no job has them whose artifacts are kept.
 * - Rows of the audit go `retentionMs` after what they tell of.
 * - Objects go a day after the last ref to them. Before that, every base that a job may still need has a ref of its own.
 *
 * Nothing that an active job names is touched. A round may be cut off anywhere: the next one finds what is left.
 */
export class Pruner {
  readonly #plane: ControlPlane;
  readonly #log: Logger;
  readonly #retentionMs: number;
  readonly #unused: UnusedBases;
  readonly #rules: RefRules;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;

  constructor(plane: ControlPlane, { retentionMs, now }: PrunerOptions) {
    this.#plane = plane;
    this.#log = plane.log.child({ part: "pruner" });
    this.#retentionMs = retentionMs;
    this.#unused = new UnusedBases(now);
    this.#rules = { store: plane.store, retentionMs, landedAnew: new Set() };
  }

  /** Runs soon, then every hour. */
  start(): void {
    this.#next(FIRST_MS);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** One round, for the timer and for tests. What fails in one repository is logged and keeps nothing from the others. */
  async runOnce(): Promise<void> {
    await this.#try("events and artifacts", async () => {
      const jobs = await pruneJobData(this.#plane, this.#retentionMs, this.#stopping.signal);
      if (jobs > 0) this.#log.info({ jobs }, "events and artifacts of old jobs are removed");
    });
    await this.#try("images", async () => {
      const images = await pruneImages(this.#plane, this.#stopping.signal);
      if (images > 0) this.#log.info({ images }, "images that no job has any more are removed");
    });
    await this.#try("audit", async () => {
      const rows = await pruneAudit(this.#plane.store, this.#retentionMs, this.#stopping.signal);
      if (rows > 0) this.#log.info({ rows }, "old rows of the audit are removed");
    });
    for (const { id } of await this.#plane.store.listRepositories()) {
      if (this.#stopping.signal.aborted) return;
      await this.#try(id, async () => await this.#pruneRepository(id));
    }
  }

  async #pruneRepository(id: string): Promise<void> {
    const { store, folder } = this.#plane;
    const root = hubRoot(folder, id);
    const bases = async (): Promise<ReadonlySet<string>> => {
      const inUse = await store.basesInUse(this.#retentionMs);
      return new Set(inUse.filter(({ repoId }) => repoId === id).map(({ oid }) => oid));
    };
    // What loses its ref in this round loses its objects in a later one at the earliest, which looks anew at what is needed.
    const isBusy = async (): Promise<boolean> => (await store.busyRepositories()).includes(id);
    if (await maintainHub(root, { isBusy, bases }, this.#stopping.signal)) {
      forgetBases(root);
      this.#log.info({ repository: id }, "the hub's stores are maintained");
    }
    const gone = {
      jobRefs: await pruneJobRefs(this.#rules, root),
      mergeRefs: await pruneMergeRefs(this.#rules, root),
      bases: await this.#unused.prune(root, await bases()),
      keptTips: await pruneKeptTips(root, this.#retentionMs),
    };
    if (gone.bases > 0) forgetBases(root);
    if (gone.jobRefs + gone.mergeRefs + gone.bases + gone.keptTips > 0) this.#log.info({ repository: id, ...gone }, "refs that nobody needs are deleted");
  }

  async #try(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#log.error({ err: error, what }, "pruning failed; the next round tries again");
    }
  }

  #next(ms: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#running = this.runOnce()
        .catch((error: unknown) => this.#log.error({ err: error }, "the pruner's round failed"))
        .finally(() => this.#next(ROUND_MS));
    }, ms).unref();
  }
}
