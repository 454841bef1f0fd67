import { SlipwayError } from "@slipway/protocol/errors";
import type { AgentEvent } from "@slipway/protocol/events";
import type { TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import type { TurnOptions } from "../sandbox.ts";

/** The runner itself ends a turn that is out of time; beyond this grace it is not believed to do so. */
const GRACE_MS = 5_000;
/** How long a cancelled turn may take to say so. */
const CANCEL_LIMIT_MS = 500;

/** A turn that was asked for and has not ended. Its outcome settles once, whatever the runner does. */
export class PendingTurn {
  readonly request: TurnRequest;
  readonly #options: TurnOptions;
  readonly #cancel: () => void;
  readonly #outcome = Promise.withResolvers<TurnResult>();
  readonly #guard: NodeJS.Timeout;
  #cancelTimer: NodeJS.Timeout | undefined;
  #startedAt = performance.now();
  #heardAt = performance.now();
  #isDelivering = false;

  constructor(request: TurnRequest, options: TurnOptions, cancel: () => void) {
    this.request = request;
    this.#options = options;
    this.#cancel = cancel;
    this.#guard = setInterval(() => this.#check(), 500);
    options.signal.addEventListener("abort", this.#onAbort);
  }

  get outcome(): Promise<TurnResult> {
    return this.#outcome.promise;
  }

  finish(result: TurnResult): void {
    this.#settle();
    if (this.#options.signal.aborted) this.#outcome.reject(this.#options.signal.reason);
    else this.#outcome.resolve(result);
  }

  fail(reason: unknown): void {
    this.#settle();
    this.#outcome.reject(reason);
  }

  /** Hands an event on. Throws what the listener threw, after it ended the turn. */
  async deliver(ordinal: number, at: number, event: AgentEvent): Promise<void> {
    this.#isDelivering = true;
    try {
      await this.#options.onEvent(ordinal, at, event);
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      this.#isDelivering = false;
      this.#heardAt = performance.now();
    }
  }

  #settle(): void {
    clearInterval(this.#guard);
    clearTimeout(this.#cancelTimer);
    this.#options.signal.removeEventListener("abort", this.#onAbort);
  }

  #onAbort = (): void => {
    this.#cancel();
    this.#cancelTimer = setTimeout(() => this.fail(this.#options.signal.reason), CANCEL_LIMIT_MS);
  };

  #check(): void {
    const now = performance.now();
    const { timeoutMs, stallMs } = this.request;
    if (now > this.#startedAt + timeoutMs + GRACE_MS) this.#end(new SlipwayError("AGENT_TIMEOUT", undefined, { timeoutMs, seenBy: "worker" }));
    else if (!this.#isDelivering && now > this.#heardAt + stallMs + GRACE_MS)
      this.#end(new SlipwayError("AGENT_STALLED", undefined, { stallMs, seenBy: "worker" }));
  }

  #end(reason: SlipwayError): void {
    this.#cancel();
    this.fail(reason);
  }
}
