import { setTimeout as setTimeoutPromise } from "node:timers/promises";
import type { Logger } from "pino";
import type { ControlPlane } from "../../control-plane.ts";
import { deliver } from "./deliver.ts";
import { settleFailure } from "./failed.ts";
import { look } from "./look.ts";

/** Deliveries, and looks at pull requests, at once; a git host that hangs holds up no more. */
const AT_ONCE = 4;
/** The longest time between two rounds, in ms. */
const ROUND_MS = 60_000;
/** After a step that could not even be put off, in ms. */
const AFTER_ERROR_MS = 5_000;

/**
 * The duty that carries out deliveries and watches pull requests. Everything that it has to do is in the store, so that a restarted server goes on with it;
 * nothing of it holds up the server's start.
 */
export class Deliveries {
  readonly #plane: () => ControlPlane;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  /** By the job, whose steps come one after the other. */
  readonly #atWork = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | null = null;
  #again = false;
  #started = false;

  constructor(plane: () => ControlPlane, log: Logger) {
    this.#plane = plane;
    this.#log = log.child({ part: "deliveries" });
  }

  start(): void {
    this.#started = true;
    this.poke();
  }

  /** Something new is due. */
  poke(): void {
    if (!this.#started || this.#stopping.signal.aborted) return;
    if (this.#round) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#round = this.#runRound().finally(() => {
      this.#round = null;
      if (!this.#again) return;
      this.#again = false;
      this.poke();
    });
  }

  /** Has what a person asks of a pull request done with nobody else looking at it; what the comment and the revisions count on. */
  async alone<T>(jobId: string, work: () => Promise<T>): Promise<T> {
    const key = lookKey(jobId);
    for (let present = this.#atWork.get(key); present; present = this.#atWork.get(key)) await present;
    const running = work();
    const ended = running.then(
      () => undefined,
      () => undefined, // thrown to who asked
    );
    this.#atWork.set(key, ended);
    try {
      return await running;
    } finally {
      this.#atWork.delete(key);
      this.poke();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#round;
    await Promise.allSettled(this.#atWork.values());
  }

  async #runRound(): Promise<void> {
    try {
      const { store } = this.#plane();
      // Those at work are still due: as many more are asked for.
      for (const delivery of await store.dueDeliveries(AT_ONCE * 2)) {
        this.#begin(delivery.jobId, async (plane, signal) => await this.#deliver(plane, delivery, signal));
      }
      for (const pullRequest of await store.duePullRequests(AT_ONCE * 2)) {
        this.#begin(lookKey(pullRequest.jobId), async (plane, signal) => {
          // As it is by now: somebody may have asked for a look of their own since it was read.
          const watched = await plane.store.pullRequestOf(pullRequest.jobId);
          if (watched) await look(plane, watched, signal);
        });
      }
      const nextMs = await store.nextDeliveryMs();
      const isFull = this.#atWork.size > 0;
      // What is at work pokes when it has ended.
      const waitMs = isFull ? ROUND_MS : Math.min(ROUND_MS, Math.max(10, (nextMs ?? ROUND_MS) + 1));
      if (!this.#stopping.signal.aborted)
        this.#timer = setTimeout(() => this.poke(), isFull && nextMs !== null && nextMs > 0 ? Math.min(waitMs, nextMs + 1) : waitMs).unref();
    } catch (error) {
      this.#log.error({ err: error }, "a round of deliveries failed");
      if (!this.#stopping.signal.aborted) this.#timer = setTimeout(() => this.poke(), 1_000).unref();
    }
  }

  #begin(key: string, work: (plane: ControlPlane, signal: AbortSignal) => Promise<void>): void {
    if (this.#atWork.has(key) || this.#atWork.size >= AT_ONCE || this.#stopping.signal.aborted) return;
    const { signal } = this.#stopping;
    const running = work(this.#plane(), signal)
      .catch(async (error: unknown) => {
        if (!signal.aborted) this.#log.error({ err: error, key }, "a step of a delivery failed");
        // Still due: without a pause it would be tried again at once, for ever.
        await this.#pause(AFTER_ERROR_MS);
      })
      .finally(() => {
        this.#atWork.delete(key);
        this.poke();
      });
    this.#atWork.set(key, running);
  }

  async #pause(ms: number): Promise<void> {
    await setTimeoutPromise(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined); // the abort
  }

  async #deliver(plane: ControlPlane, delivery: Parameters<typeof deliver>[1], signal: AbortSignal): Promise<void> {
    try {
      await deliver(plane, delivery, signal);
    } catch (error) {
      // The server stops: the next one goes on.
      if (signal.aborted) return;
      await settleFailure(plane, delivery, error);
    }
  }
}

function lookKey(jobId: string): string {
  return `look ${jobId}`;
}
