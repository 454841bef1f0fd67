import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";

/** How often it is looked at, in ms: four times within the limit, and not more often than the system counts processor time. */
const LOOK_LIMITS_MS = { min: 20, max: 15_000 };
/** Of one processor: an agent that only waits keeps its timers going and stays far below; any work is above. */
const BUSY_SHARE = 0.05;

export interface WatchdogLimits {
  readonly timeoutMs: number;
  readonly stallMs: number;
}

/**
 * Aborts a turn that is cancelled, out of time, or stalled: silent for too long while nothing that it started uses a processor. The signal's reason is a
 * SlipwayError that says which.
 */
export class Watchdog {
  readonly #abort = new AbortController();
  readonly #stallMs: number;
  readonly #lookMs: number;
  readonly #timeout: NodeJS.Timeout;
  readonly #cpuMs: () => number | undefined;
  #stall: NodeJS.Timeout;
  #heardAt = performance.now();
  #look: { readonly at: number; readonly cpuMs: number | undefined };
  readonly #cancel: AbortSignal;
  readonly #onCancel = (): void => this.#abort.abort(new SlipwayError("CANCELLED"));

  /** `cpuMs`: processor time of all that the agent started, so far; undefined where the system does not tell, and events alone are judged then. */
  constructor({ timeoutMs, stallMs }: WatchdogLimits, cancel: AbortSignal, cpuMs: () => number | undefined = () => undefined) {
    this.#stallMs = stallMs;
    this.#lookMs = Math.min(LOOK_LIMITS_MS.max, Math.max(LOOK_LIMITS_MS.min, stallMs / 4));
    this.#cpuMs = cpuMs;
    this.#timeout = setTimeout(() => this.#abort.abort(new SlipwayError("AGENT_TIMEOUT", undefined, { timeoutMs })), timeoutMs);
    // The agent has not begun: what it uses counts from the first look on, long before it could be called stalled.
    this.#look = { at: this.#heardAt, cpuMs: undefined };
    this.#stall = setTimeout(() => this.#lookAgain(), Math.min(stallMs, this.#lookMs));
    this.#cancel = cancel;
    cancel.addEventListener("abort", this.#onCancel);
    if (cancel.aborted) this.#onCancel();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The agent gave a sign of life. Cheap: the timer is not touched. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** Resolves some time after the signal aborted. */
  async expired(graceMs: number): Promise<undefined> {
    await new Promise<void>((resolve) => {
      if (this.signal.aborted) resolve();
      this.signal.addEventListener("abort", () => resolve());
    });
    await delay(graceMs);
  }

  stop(): void {
    clearTimeout(this.#timeout);
    clearTimeout(this.#stall);
    this.#cancel.removeEventListener("abort", this.#onCancel);
  }

  #lookAgain(): void {
    const at = performance.now();
    const cpuMs = this.#cpuMs();
    const before = this.#look;
    this.#look = { at, cpuMs };
    const usedMs = cpuMs !== undefined && before.cpuMs !== undefined ? cpuMs - before.cpuMs : 0;
    if (usedMs > 0 && usedMs >= (at - before.at) * BUSY_SHARE) this.#heardAt = at;
    const leftMs = this.#heardAt + this.#stallMs - at;
    if (leftMs <= 0) this.#abort.abort(new SlipwayError("AGENT_STALLED", undefined, { stallMs: this.#stallMs, cpuSeen: cpuMs !== undefined }));
    else this.#stall = setTimeout(() => this.#lookAgain(), Math.max(1, Math.min(leftMs, this.#lookMs)));
  }
}
