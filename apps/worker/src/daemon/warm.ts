import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { Logger } from "pino";
import { isAlive } from "../sandbox/processes.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { OwnedProvider } from "./owned-provider.ts";
import { pause } from "./pause.ts";
import type { Place } from "./places.ts";

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** How long a start ahead waits, in ms: the first moments of a job, and all of a short one, are when the machine has the most to do. */
const REPLACE_AFTER_MS = 1_000;

/** How often those that wait are asked whether they are well, and how long each may take to say so, in ms. */
const PING_EVERY_MS = 30_000;
const PING_LIMIT_MS = 5_000;

/** A sandbox that was started ahead of its job. */
export interface WarmSandbox {
  readonly place: Place;
  readonly provider: OwnedProvider;
  readonly sandbox: Sandbox;
  /** It belongs to an attempt from here on: the worker's own lease on it is given up. */
  handedOver(): void;
  /** Ends it and removes its folders. */
  discard(): Promise<void>;
}

export interface WarmPoolOptions {
  /** How many at most: one a task slot, unless a person wants fewer. */
  readonly slots: number;
  /** How many stay when no job has come for `idleMs`; all of them where these are missing. */
  readonly min?: number;
  readonly idleMs?: number;
  /** Starts one; `onLost` is called when it must not be handed out any more. */
  start(readOnly: readonly string[], onLost: () => void, signal: AbortSignal): Promise<WarmSandbox>;
  readonly log: Logger;
}

/** The same mounts have the same key, in whatever order they are named. */
export function mountsKey(readOnly: readonly string[]): string {
  return [...new Set(readOnly)].sort().join("\n");
}

/**
 * Sandboxes started ahead, one a task slot, with the mounts of the last jobs: each serves one job and is replaced in the background. One starts at a
 * time, so that warming never competes with more than one job's work, and not before a second of the job or its end (`hurry`) unless the last one is taken.
 * Starts that fail are tried again ever later; the reason is logged once. One whose runner does not answer any more is replaced. When no job has come for
 * a while, only some of them stay.
 */
export class WarmPool {
  readonly #options: WarmPoolOptions;
  readonly #stop = new AbortController();
  readonly #ready: Array<{ key: string; warm: WarmSandbox }> = [];
  /** Mounts of the last jobs, newest first, one a slot. */
  #wanted: Array<{ key: string; readOnly: readonly string[] }> = [];
  #filling: Promise<void> | undefined;
  #later: NodeJS.Timeout | undefined;
  #told: string | undefined;
  /** Set when no job has come for a while. */
  #rests = false;
  #restTimer: NodeJS.Timeout | undefined;
  readonly #pings: NodeJS.Timeout;

  constructor(options: WarmPoolOptions) {
    this.#options = options;
    this.#pings = setInterval(() => void this.checkHealth(), PING_EVERY_MS).unref();
  }

  /** How many wait for a job. */
  get size(): number {
    return this.#ready.length;
  }

  /** One with exactly these mounts, if there is one that is alive; it is the caller's from here on. */
  take(readOnly: readonly string[]): WarmSandbox | undefined {
    const key = mountsKey(readOnly);
    for (let index = this.#ready.findIndex((entry) => entry.key === key); index >= 0; index = this.#ready.findIndex((entry) => entry.key === key)) {
      const [entry] = this.#ready.splice(index, 1);
      if (entry?.warm.sandbox.record.processes.every(isAlive)) return entry.warm;
      if (entry) this.#discard(entry.warm);
    }
    return undefined;
  }

  /** A job uses these mounts: the next ones are made with them. */
  want(readOnly: readonly string[]): void {
    if (this.#stop.signal.aborted) return;
    const { slots } = this.#options;
    const key = mountsKey(readOnly);
    this.#wake();
    const isUsedUp = this.#wanted.some((wanted) => wanted.key === key) && !this.#ready.some((entry) => entry.key === key);
    this.#wanted = [{ key, readOnly: [...readOnly] }, ...this.#wanted].slice(0, slots);
    if (isUsedUp) this.hurry();
    else this.#later ??= setTimeout(() => this.hurry(), REPLACE_AFTER_MS).unref();
  }

  /** What is missing is started now: there is time for it. */
  hurry(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    if (!this.#stop.signal.aborted) this.#fillSoon();
  }

  /** Has what is missing started, and resolves when nothing is being started. */
  async settled(): Promise<void> {
    this.hurry();
    await this.#filling;
  }

  /** Asks those that wait whether they are well; one that does not answer is ended, and another one started. */
  async checkHealth(): Promise<void> {
    await Promise.all(
      [...this.#ready].map(async (entry) => {
        const isWell = (await entry.warm.sandbox.ping?.(PING_LIMIT_MS).catch(() => false)) ?? true;
        const index = this.#ready.indexOf(entry);
        // A job may have taken it meanwhile, and will see for itself.
        if (isWell || index < 0 || this.#stop.signal.aborted) return;
        this.#ready.splice(index, 1);
        this.#options.log.warn({ sandbox: entry.warm.place.id }, "a sandbox that waited for a job does not answer: it is replaced");
        this.#discard(entry.warm);
        this.#fillSoon();
      }),
    );
  }

  /** No job has come for a while: those beyond the least number are ended. */
  rest(): void {
    this.#rests = true;
    for (const { warm } of this.#ready.splice(this.#options.min ?? this.#options.slots)) this.#discard(warm);
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    this.#stop.abort(new SlipwayError("WORKER_STOPPED"));
    clearTimeout(this.#later);
    clearTimeout(this.#restTimer);
    clearInterval(this.#pings);
    await this.#filling;
    const endings = await Promise.allSettled(this.#ready.splice(0).map(({ warm }) => warm.discard()));
    for (const ending of endings) if (ending.status === "rejected") this.#options.log.error({ err: ending.reason }, "a warm sandbox could not be ended");
  }

  #wake(): void {
    this.#rests = false;
    clearTimeout(this.#restTimer);
    const { idleMs } = this.#options;
    if (idleMs !== undefined) this.#restTimer = setTimeout(() => this.rest(), idleMs).unref();
  }

  #fillSoon(): void {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
      // A job may have asked for other mounts while the last start was under way.
      if (!this.#stop.signal.aborted && this.#missing()) this.#fillSoon();
    });
  }

  /** Starts what is missing, one after the other. Ends when nothing is missing or the pool is closed; never rejects. */
  async #fill(): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    for (let next = this.#missing(); next && !signal.aborted; next = this.#missing()) {
      try {
        await this.#startOne(next);
        failures = 0;
        this.#told = undefined;
      } catch (error) {
        if (signal.aborted) return;
        this.#tell(toSlipwayError(error, "SANDBOX_UNAVAILABLE"));
        failures += 1;
        // The abort is the pool's own end, which the loop sees.
        await pause(Math.min(RETRY_MIN_MS * 2 ** (failures - 1), RETRY_MAX_MS), signal).catch(() => undefined);
      }
    }
  }

  async #startOne({ key, readOnly }: { key: string; readOnly: readonly string[] }): Promise<void> {
    this.#endSurplus();
    let lost = false;
    const onLost = (): void => {
      lost = true;
      const index = this.#ready.findIndex((entry) => entry.warm === warm);
      if (index < 0) return;
      this.#ready.splice(index, 1);
      if (warm) this.#discard(warm);
      this.#fillSoon();
    };
    let warm: WarmSandbox | undefined;
    warm = await this.#options.start(readOnly, onLost, this.#stop.signal);
    if (lost || this.#stop.signal.aborted) await warm.discard();
    else this.#ready.push({ key, warm });
  }

  /** The first mounts that the last jobs had and no waiting sandbox has; what was last used fills the slots that have not been used. */
  #missing(): { key: string; readOnly: readonly string[] } | undefined {
    const [newest] = this.#wanted;
    if (!newest) return undefined;
    const have = this.#ready.map((entry) => entry.key);
    const { slots, min = slots } = this.#options;
    for (let slot = 0; slot < (this.#rests ? min : slots); slot += 1) {
      const wanted = this.#wanted[slot] ?? newest;
      const index = have.indexOf(wanted.key);
      if (index < 0) return wanted;
      have.splice(index, 1);
    }
    return undefined;
  }

  /** Where all places are taken, one whose mounts nobody wants any more makes room. */
  #endSurplus(): void {
    if (this.#ready.length < this.#options.slots) return;
    const wanted = Array.from({ length: this.#options.slots }, (_, slot) => (this.#wanted[slot] ?? this.#wanted[0])?.key);
    const surplus = this.#ready.findIndex(({ key }) => {
      const index = wanted.indexOf(key);
      if (index >= 0) wanted.splice(index, 1);
      return index < 0;
    });
    const [entry] = this.#ready.splice(Math.max(0, surplus), 1);
    if (entry) this.#discard(entry.warm);
  }

  #discard(warm: WarmSandbox): void {
    warm
      .discard()
      .catch((error: unknown) => this.#options.log.error({ err: error }, "a warm sandbox could not be ended; the next start of the worker tries again"));
  }

  #tell(error: SlipwayError): void {
    if (this.#told === error.message) return;
    this.#told = error.message;
    this.#options.log.warn({ err: error }, "no sandbox can be started ahead; jobs start their own until this works again");
  }
}
