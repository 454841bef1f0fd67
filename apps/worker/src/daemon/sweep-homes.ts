import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import { isFinal } from "@slipway/protocol/states";
import type { Logger } from "pino";
import type { Homes } from "./homes.ts";

/** How often homes are swept where no attempt ends, in ms: most jobs become final some time after their attempt. */
const SWEEP_INTERVAL_MS = 120_000;

export interface SweepOptions {
  readonly homes: Homes;
  readonly client: Pick<Client, "call">;
  readonly log: Logger;
  readonly intervalMs?: number;
}

/** Removes the homes of jobs that are final: in the background, at the start, soon after each attempt's end, and every few minutes. */
export class HomeSweeper {
  readonly #options: SweepOptions;
  #asked = true;
  #wake: (() => void) | undefined;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** An attempt has ended: there may be something to sweep. What is asked for during a sweep is one more sweep. */
  soon(): void {
    this.#asked = true;
    this.#wake?.();
  }

  /** Sweeps until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { homes, client, log, intervalMs = SWEEP_INTERVAL_MS } = this.#options;
    while (!signal.aborted) {
      this.#asked = false;
      await sweepHomes(homes, client, log, signal);
      if (!this.#asked) await this.#rest(intervalMs, signal);
    }
  }

  /** Until the time is over, a sweep is asked for, or the signal aborts. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const end = (): void => resolve();
    const timer = setTimeout(end, ms).unref();
    signal.addEventListener("abort", end, { once: true });
    // It may have aborted during the sweep.
    if (signal.aborted) end();
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    this.#wake = undefined;
  }
}

/** One sweep: removes the homes of jobs that the server says are final, or does not know. A server that does not answer is asked again the next time. */
export async function sweepHomes(homes: Homes, client: Pick<Client, "call">, log: Logger, signal: AbortSignal): Promise<void> {
  try {
    await homes.sweep(async (jobId) => {
      signal.throwIfAborted();
      try {
        const { job } = await client.call("getJob", { params: { job: jobId }, signal });
        return isFinal(job.state);
      } catch (error) {
        if (error instanceof SlipwayError && error.code === "NOT_FOUND") return true;
        throw error;
      }
    });
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, "homes of ended jobs could not be swept; tried again in a few minutes");
  }
}
