import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { Logger } from "pino";
import { isAlive } from "../sandbox/processes.ts";
import type { NamedImage, Sandbox } from "../sandbox/sandbox.ts";
import type { OwnedProvider } from "./owned-provider.ts";
import type { Place } from "./places.ts";
import { shapeKey, type WarmShape } from "./warm-shape.ts";
import { type WarmTrouble, WarmTroubles } from "./warm-troubles.ts";

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** How long a start ahead waits, in ms: the first moments of a job, and all of a short one, are when the machine has the most to do. */
const REPLACE_AFTER_MS = 1_000;

/** How often those that wait are asked whether they are well, and how long each may take to say so, in ms. */
const PING_EVERY_MS = 30_000;
const PING_LIMIT_MS = 5_000;

/** A sandbox that is, or was, started ahead of its job. */
export interface WarmSandbox {
  readonly place: Place;
  readonly provider: OwnedProvider;
  /** Rejects where it cannot be started; it is the caller's to discard then. */
  readonly started: Promise<Sandbox>;
  /** What `started` has resolved with; undefined until then. */
  readonly ready: Sandbox | undefined;
  /** It belongs to an attempt from here on: the worker's own lease on it is given up. */
  handedOver(): void;
  /** Ends it, or its start, and removes its folders. */
  discard(): Promise<void>;
}

export interface WarmPoolOptions {
  /** How many at most: one a task slot, unless a person wants fewer. */
  readonly slots: number;
  /** How many stay when no job has come for `idleMs`; all of them where these are missing. */
  readonly min?: number;
  readonly idleMs?: number;
  /** Begins to start one; `onLost` is called when it must not be handed out any more. */
  start(shape: WarmShape, onLost: () => void, signal: AbortSignal): Promise<WarmSandbox>;
  /** Called when what cannot be started ahead has changed. */
  readonly onTroubles?: () => void;
  /** Pauses after failures, in ms. */
  readonly retry?: { readonly minMs: number; readonly maxMs: number };
  readonly log: Logger;
}

interface Entry {
  readonly key: string;
  readonly warm: WarmSandbox;
}

interface Wanted {
  readonly key: string;
  readonly shape: WarmShape;
}

/**
 * Sandboxes started ahead, one a task slot, of the image and with the mounts of the last jobs: each serves one job and is replaced in the background. One
 * starts at a time, so that warming never competes with more than one job's work, and not before a second of the job or its end (`hurry`) unless the last
 * one is taken. What cannot be started is tried again ever later, and the others go on. One whose runner does not answer any more is replaced. When no job
 * has come for a while, only some of them stay.
 */
export class WarmPool {
  readonly #options: WarmPoolOptions;
  readonly #stop = new AbortController();
  readonly #troubles: WarmTroubles;
  readonly #ready: Entry[] = [];
  /** The one that is being started, until a job takes it. */
  #starting: Entry | undefined;
  /** What the last jobs had, newest first, one a slot. */
  #wanted: Wanted[] = [];
  #filling: Promise<void> | undefined;
  #later: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Set when no job has come for a while. */
  #rests = false;
  #restTimer: NodeJS.Timeout | undefined;
  readonly #pings: NodeJS.Timeout;

  constructor(options: WarmPoolOptions) {
    const { retry = { minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS }, log, onTroubles: onChange } = options;
    this.#options = options;
    this.#troubles = new WarmTroubles({ ...retry, log, onChange });
    this.#pings = setInterval(() => void this.checkHealth(), PING_EVERY_MS).unref();
  }

  /** How many wait for a job. */
  get size(): number {
    return this.#ready.length;
  }

  /** What cannot be started ahead now, and why. */
  get troubles(): WarmTrouble[] {
    return this.#troubles.all;
  }

  /** One of exactly this kind that is alive, else the one that is being started, if it is of it; it is the caller's from here on. */
  take(shape: WarmShape): WarmSandbox | undefined {
    const key = shapeKey(shape);
    for (let index = this.#ready.findIndex((entry) => entry.key === key); index >= 0; index = this.#ready.findIndex((entry) => entry.key === key)) {
      const [entry] = this.#ready.splice(index, 1);
      if (entry?.warm.ready?.record.processes.every(isAlive)) return entry.warm;
      if (entry) this.#discard(entry.warm);
    }
    if (this.#starting?.key !== key) return undefined;
    const { warm } = this.#starting;
    this.#starting = undefined;
    return warm;
  }

  /** A job has one of this kind: the next ones are made like it. */
  want(shape: WarmShape): void {
    if (this.#stop.signal.aborted) return;
    const { slots } = this.#options;
    const key = shapeKey(shape);
    this.#wake();
    this.#troubles.retry(key);
    const isUsedUp = this.#wanted.some((wanted) => wanted.key === key) && !this.#ready.some((entry) => entry.key === key);
    this.#wanted = [{ key, shape: { ...shape, readOnly: [...shape.readOnly] } }, ...this.#wanted].slice(0, slots);
    if (isUsedUp) this.hurry();
    else this.#later ??= setTimeout(() => this.hurry(), REPLACE_AFTER_MS).unref();
  }

  /** Images have changed: what is of one that is another now, or that nobody uses any more (undefined), is ended, and made anew where there is another. */
  follow(current: (image: NamedImage) => NamedImage | undefined): void {
    this.#wanted = this.#wanted.flatMap(({ key, shape }) => {
      if (!shape.image) return [{ key, shape }];
      const image = current(shape.image);
      return image ? [{ key: shapeKey({ ...shape, image }), shape: { ...shape, image } }] : [];
    });
    const keys = new Set(this.#wanted.map(({ key }) => key));
    for (const entry of this.#ready.filter(({ key }) => !keys.has(key))) this.#drop(entry);
    this.hurry();
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
        const isWell = (await entry.warm.ready?.ping?.(PING_LIMIT_MS).catch(() => false)) ?? true;
        // A job may have taken it meanwhile, and will see for itself.
        if (isWell || !this.#ready.includes(entry) || this.#stop.signal.aborted) return;
        this.#options.log.warn({ sandbox: entry.warm.place.id }, "a sandbox that waited for a job does not answer: it is replaced");
        this.#drop(entry);
        this.#fillSoon();
      }),
    );
  }

  /** No job has come for a while: those beyond the least number are ended, what was used last stays the longest. */
  rest(): void {
    this.#rests = true;
    const rank = ({ key }: Entry): number => {
      const index = this.#wanted.findIndex((wanted) => wanted.key === key);
      return index < 0 ? this.#wanted.length : index;
    };
    for (const entry of this.#ready.toSorted((a, b) => rank(a) - rank(b)).slice(this.#options.min ?? this.#options.slots)) this.#drop(entry);
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    this.#stop.abort(new SlipwayError("WORKER_STOPPED"));
    clearTimeout(this.#later);
    clearTimeout(this.#retry);
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
      if (this.#stop.signal.aborted) return;
      // A job may have asked for another kind while the last start was under way.
      if (this.#missing()) this.#fillSoon();
      else this.#retryLater();
    });
  }

  /** Starts what is missing, one after the other. Ends when nothing is missing that may be tried now, or the pool is closed; never rejects. */
  async #fill(): Promise<void> {
    const { signal } = this.#stop;
    for (let next = this.#missing(); next && !signal.aborted; next = this.#missing()) {
      try {
        await this.#startOne(next);
        this.#troubles.works(next.key);
      } catch (error) {
        if (signal.aborted) return;
        this.#troubles.failed(next.shape, toSlipwayError(error, "SANDBOX_UNAVAILABLE"));
      }
    }
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#troubles.keepOnly(new Set(this.#wanted.map(({ key }) => key)));
    const inMs = this.#troubles.nextInMs;
    if (inMs !== undefined) this.#retry = setTimeout(() => this.hurry(), inMs + 1).unref();
  }

  async #startOne({ key, shape }: Wanted): Promise<void> {
    this.#endSurplus();
    let entry: Entry | undefined;
    let lost = false;
    const onLost = (): void => {
      lost = true;
      if (!entry || !this.#ready.includes(entry)) return;
      this.#drop(entry);
      this.#fillSoon();
    };
    entry = { key, warm: await this.#options.start(shape, onLost, this.#stop.signal) };
    this.#starting = entry;
    try {
      await entry.warm.started;
    } catch (error) {
      if (this.#untaken(entry)) await entry.warm.discard();
      throw error;
    }
    if (!this.#untaken(entry)) return;
    if (lost || this.#stop.signal.aborted) await entry.warm.discard();
    else this.#ready.push(entry);
  }

  /** Whether no job has taken the one that was being started. */
  #untaken(entry: Entry): boolean {
    if (this.#starting !== entry) return false;
    this.#starting = undefined;
    return true;
  }

  /** The first kind that the last jobs had and no waiting sandbox is of, and that may be tried; what was last used fills the slots that have not been used. */
  #missing(): Wanted | undefined {
    const [newest] = this.#wanted;
    if (!newest) return undefined;
    const have = this.#ready.map((entry) => entry.key);
    const { slots, min = slots } = this.#options;
    for (let slot = 0; slot < (this.#rests ? min : slots); slot += 1) {
      const wanted = this.#wanted[slot] ?? newest;
      const index = have.indexOf(wanted.key);
      if (index >= 0) have.splice(index, 1);
      else if (!this.#troubles.backsOff(wanted.key)) return wanted;
    }
    return undefined;
  }

  /** Where all places are taken, one of a kind that nobody wants any more makes room. */
  #endSurplus(): void {
    if (this.#ready.length < this.#options.slots) return;
    const wanted = Array.from({ length: this.#options.slots }, (_, slot) => (this.#wanted[slot] ?? this.#wanted[0])?.key);
    const surplus = this.#ready.findIndex(({ key }) => {
      const index = wanted.indexOf(key);
      if (index >= 0) wanted.splice(index, 1);
      return index < 0;
    });
    const entry = this.#ready[Math.max(0, surplus)];
    if (entry) this.#drop(entry);
  }

  #drop(entry: Entry): void {
    this.#ready.splice(this.#ready.indexOf(entry), 1);
    this.#discard(entry.warm);
  }

  #discard(warm: WarmSandbox): void {
    warm
      .discard()
      .catch((error: unknown) => this.#options.log.error({ err: error }, "a warm sandbox could not be ended; the next start of the worker tries again"));
  }
}
