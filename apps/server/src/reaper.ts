import type { Logger } from "pino";
import type { ControlPlane } from "./control-plane.ts";
import { announce } from "./jobs/announce.ts";
import { recoverLandings } from "./landing/recover.ts";
import { settleRoute } from "./routing/settle-route.ts";

/** The longest time between two runs, in ms: clocks are compared at least this often. */
export const REAPER_TICK_MS = 1_000;
/** A model call is charged its reservation when its attempt has been over for this long, in ms: its gateway does not come back to settle it. */
const LOST_CALL_MS = 15 * 60_000;
/** Jobs whose events are packed in one run. */
const PACK_JOBS = 5;

/**
 * The duty that time alone calls for: requeues what lost its lease, ends what has waited or run for too long, wakes those that wait for what became due,
 * charges model calls that nobody settles, packs the events of final jobs.
 * Runs when the store says that something is due, and every second for the clocks.
 */
export class Reaper {
  readonly #plane: ControlPlane;
  readonly #log: Logger;
  readonly #lostCallMs: number;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #again = false;
  /** Something with a time of its own came since the last round asked the store what is due next. */
  #changed = false;
  #stopped = false;
  /** The next thing was due at this moment of the monotonic clock, or null. */
  #dueAt: number | null = null;

  constructor(plane: ControlPlane, lostCallMs = LOST_CALL_MS) {
    this.#plane = plane;
    this.#lostCallMs = lostCallMs;
    this.#log = plane.log.child({ part: "reaper" });
  }

  start(): void {
    this.#tick();
  }

  /** Something new may be due sooner than was known. */
  poke(): void {
    this.#changed = true;
    if (this.#running) this.#again = true;
    else this.#tick();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** One round, for the timer and for tests. */
  async runOnce(): Promise<void> {
    const plane = this.#plane;
    const jumped = await plane.leaseClock.check();
    if (jumped) this.#log.warn("the clock jumped or the machine slept; every live lease got its full time again");
    const reaped = await plane.store.reap();
    for (const { workerId, jobId, fence } of reaped.revoked) {
      // A worker that let a lease run out may be frozen: what is requeued here must not go to its open requests.
      plane.jobRoom.dismiss(workerId);
      plane.signals.send(workerId, { type: "revoked", jobId, fence, reason: "expired" });
    }
    const requeued = await Promise.all(reaped.requeued.map((job) => settleRoute(plane, job)));
    for (const job of [...requeued, ...reaped.failed, ...reaped.cancelled]) {
      this.#log.warn({ jobId: job.id, state: job.state, fence: job.fence }, "a lease, a wait or a dependency ended");
      announce(plane, job);
    }
    if (reaped.freedCompletions > 0) plane.completionRoom.offerAny();
    // A `runAfter` came due, or may have while we stood still.
    if (jumped || (this.#dueAt !== null && performance.now() >= this.#dueAt)) plane.jobRoom.offerAny();
    await recoverLandings(plane);
    await this.#chargeLostCalls();
    await plane.store.packFinalJobs(PACK_JOBS);
    const changed = this.#changed;
    this.#changed = false;
    const nextDueMs = await plane.store.nextDueMs();
    this.#dueAt = nextDueMs === null ? null : performance.now() + nextDueMs;
    // What became due before the store was asked is not in its answer, and no timer will tell of it.
    if (changed) plane.jobRoom.offerAny();
  }

  async #chargeLostCalls(): Promise<void> {
    // A gateway may have waited for this server, with what it has to settle.
    if (performance.now() - this.#startedAt < this.#lostCallMs) return;
    for (const jobId of await this.#plane.store.chargeLostCalls(this.#lostCallMs)) {
      this.#log.warn({ jobId }, "a model call that its gateway never settled is charged what was reserved for it");
      this.#plane.events.changed(jobId, "events");
    }
  }

  #tick(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#running = this.runOnce()
      .catch((error: unknown) => {
        // The next round tries again; a full disk or a busy file system must not end the server, and what is due must not make a busy loop of it.
        this.#log.error({ err: error }, "the reaper's round failed");
        this.#dueAt = null;
        this.#changed = true;
      })
      .finally(() => {
        this.#running = null;
        if (this.#again) {
          this.#again = false;
          this.#tick();
        } else if (!this.#stopped) {
          this.#timer = setTimeout(() => this.#tick(), this.#nextRunMs());
        }
      });
  }

  #nextRunMs(): number {
    const due = this.#dueAt === null ? REAPER_TICK_MS : this.#dueAt - performance.now();
    // At least 1 ms later, so that rounding at the database cannot make a busy loop.
    return Math.min(REAPER_TICK_MS, Math.max(1, due + 1));
  }
}
