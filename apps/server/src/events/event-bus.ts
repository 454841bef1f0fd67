/** What changed in a job: `events`: there is more to read; `state`: that, and the job is in another state. */
export type Change = "events" | "state";

/**
 * Tells readers that a job has something new. It carries no event: readers pull from the store by their own cursor and at their own speed, so that
 * memory is bounded however slow a reader is.
 */
export class EventBus {
  readonly #listeners = new Map<string, Set<(change: Change) => void>>();
  readonly #onChange: (jobId: string, change: Change) => void;

  /** `onChange` hears of every job. */
  constructor(onChange: (jobId: string, change: Change) => void = () => undefined) {
    this.#onChange = onChange;
  }

  changed(jobId: string, change: Change): void {
    this.#onChange(jobId, change);
    for (const listener of this.#listeners.get(jobId) ?? []) listener(change);
  }

  /** A bell for one job, from now on; dispose of it when done. */
  watch(jobId: string, only?: "state"): Bell {
    const bell = new Bell(() => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(jobId);
    });
    const listener = (change: Change): void => {
      if (only === undefined || change === only) bell.ring();
    };
    let known = this.#listeners.get(jobId);
    if (!known) {
      known = new Set();
      this.#listeners.set(jobId, known);
    }
    const listeners = known;
    listeners.add(listener);
    return bell;
  }

  /** Jobs that somebody watches now. */
  get watchedJobs(): number {
    return this.#listeners.size;
  }
}

/** Remembers that it rang until somebody asks, so that a change between two waits is not missed. */
export class Bell implements Disposable {
  readonly #forget: () => void;
  #rang = false;
  #wake: (() => void) | null = null;

  constructor(forget: () => void) {
    this.#forget = forget;
  }

  ring(): void {
    this.#rang = true;
    this.#wake?.();
  }

  /** Resolves when it has rung since the last call, after `ms`, or when a signal aborts; never rejects. */
  async heard(signals: readonly AbortSignal[], ms?: number): Promise<void> {
    if (!this.#rang && !signals.some((signal) => signal.aborted)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      const timer = ms === undefined ? undefined : setTimeout(wake, ms);
      this.#wake = wake;
      for (const signal of signals) signal.addEventListener("abort", wake, { once: true });
      await promise;
      this.#wake = null;
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", wake);
    }
    this.#rang = false;
  }

  [Symbol.dispose](): void {
    this.#forget();
  }
}
