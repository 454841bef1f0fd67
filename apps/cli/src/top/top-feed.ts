import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import { allStale, type Snapshot, SnapshotReader, type Stale } from "./snapshot.ts";

/** How often what changed is read at most, in ms, however many notices come. */
const READ_EVERY_MS = 1_000;
/** Without any notice it is read all the same: reasons change with time. */
const READ_AGAIN_MS = 15_000;

export interface TopState {
  readonly snapshot: Snapshot | undefined;
  /** Since when the server does not answer; undefined while it does. */
  readonly lostAt: number | undefined;
}

/** Keeps a snapshot true by the server's notices. A lost connection is told, taken up again, and what was missed is read. */
export class TopFeed {
  readonly #client: Client;
  readonly #reader: SnapshotReader;
  readonly #listeners = new Set<() => void>();
  #stale: Stale = allStale();
  #isStale = true;
  #isLinked = false;
  #wake: (() => void) | undefined;
  #state: TopState = { snapshot: undefined, lostAt: undefined };

  constructor(client: Client) {
    this.#client = client;
    this.#reader = new SnapshotReader(client);
  }

  get state(): TopState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Until the signal aborts. Ends with an error that waiting does not mend, such as a token that is good no more. */
  async run(signal: AbortSignal): Promise<void> {
    // One that ends takes the other with it.
    const ending = new AbortController();
    const both = AbortSignal.any([signal, ending.signal]);
    try {
      await Promise.all([this.#listen(both), this.#readOn(both)]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      ending.abort();
    }
  }

  /** Something was done from here: it is read without waiting for the notice. */
  touch(): void {
    this.#stale.jobs = true;
    this.#hurry();
  }

  async #listen(signal: AbortSignal): Promise<void> {
    let isFirst = true;
    const onLost = (): void => {
      this.#isLinked = false;
      this.#become({ lostAt: this.#state.lostAt ?? Date.now() });
    };
    for await (const frame of this.#client.changes({ signal, onLost })) {
      if (frame.type === "hello") {
        this.#isLinked = true;
        this.#become({ lostAt: undefined });
        if (isFirst || !frame.resumed) this.#stale = allStale();
        isFirst = false;
        this.#hurry();
        continue;
      }
      if (frame.states === "many" || frame.states.length > 0) this.#stale.jobs = true;
      if (frame.jobs === "many") this.#stale.jobs = true;
      else for (const id of frame.jobs) this.#stale.events.add(id);
      for (const topic of frame.topics) this.#stale.topics.add(topic);
      this.#hurry();
    }
  }

  async #readOn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const stale = this.#stale;
      const isNeeded = this.#isStale;
      this.#stale = { jobs: false, events: new Set(), topics: new Set() };
      this.#isStale = false;
      try {
        const snapshot = await this.#reader.read(isNeeded ? stale : allStale(), signal);
        this.#become({ snapshot, ...(this.#isLinked ? { lostAt: undefined } : {}) });
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof SlipwayError) || error.code !== "SERVER_UNAVAILABLE") throw error;
        this.#stale = allStale();
        this.#become({ lostAt: this.#state.lostAt ?? Date.now() });
      }
      await pause(READ_EVERY_MS, signal);
      if (!this.#isStale) await pause(READ_AGAIN_MS, signal, (wake) => (this.#wake = wake));
    }
  }

  #hurry(): void {
    this.#isStale = true;
    this.#wake?.();
  }

  #become(change: Partial<TopState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** `onWake` gets what ends it before its time. */
async function pause(ms: number, signal: AbortSignal, onWake: (wake: () => void) => void = () => undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  onWake(resolve);
  const timer = setTimeout(resolve, ms);
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
