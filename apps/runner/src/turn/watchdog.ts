import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";

/** Aborts a turn that is cancelled, out of time or silent for too long; the signal's reason is a SlipwayError that says which. */
export class Watchdog {
  readonly #abort = new AbortController();
  readonly #stallMs: number;
  readonly #timeout: NodeJS.Timeout;
  #stall: NodeJS.Timeout;
  #heardAt = performance.now();
  readonly #cancel: AbortSignal;
  readonly #onCancel = (): void => this.#abort.abort(new SlipwayError("CANCELLED"));

  constructor(limits: { timeoutMs: number; stallMs: number }, cancel: AbortSignal) {
    const { timeoutMs, stallMs } = limits;
    this.#stallMs = stallMs;
    this.#timeout = setTimeout(() => this.#abort.abort(new SlipwayError("AGENT_TIMEOUT", undefined, { timeoutMs })), timeoutMs);
    this.#stall = setTimeout(() => this.#checkStall(), stallMs);
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

  #checkStall(): void {
    const leftMs = this.#heardAt + this.#stallMs - performance.now();
    if (leftMs <= 0) this.#abort.abort(new SlipwayError("AGENT_STALLED", undefined, { stallMs: this.#stallMs }));
    else this.#stall = setTimeout(() => this.#checkStall(), leftMs);
  }
}
