import type { SlipwayError } from "@slipway/protocol/errors";
import type { Logger } from "pino";
import { shapeKey, type WarmShape } from "./warm-shape.ts";

export interface TroubleOptions {
  /** Pause after a first failure, in ms; it doubles with each further one. */
  readonly minMs: number;
  readonly maxMs: number;
  readonly log: Logger;
  /** Called when there is a new reason, or one less. */
  onChange?: (() => void) | undefined;
}

/** Why nothing of some kind can be started ahead. */
export interface WarmTrouble {
  /** Undefined where the sandboxes have no image. */
  readonly image: string | undefined;
  readonly reason: string;
}

interface Failing extends WarmTrouble {
  readonly failures: number;
  /** On the clock of `performance.now`. */
  untilMs: number;
}

/** What cannot be started ahead, each by itself: it is left alone ever longer, and its reason is told once. */
export class WarmTroubles {
  readonly #options: TroubleOptions;
  readonly #failing = new Map<string, Failing>();

  constructor(options: TroubleOptions) {
    this.#options = options;
  }

  /** One for each image and reason. */
  get all(): WarmTrouble[] {
    const unique = new Map([...this.#failing.values()].map(({ image, reason }) => [`${image} ${reason}`, { image, reason }]));
    return [...unique.values()];
  }

  /** Whether it is to be left alone for now. */
  backsOff(key: string): boolean {
    return (this.#failing.get(key)?.untilMs ?? 0) > performance.now();
  }

  failed(shape: WarmShape, error: SlipwayError): void {
    const { minMs, maxMs, log } = this.#options;
    const key = shapeKey(shape);
    const before = this.#failing.get(key);
    const failures = (before?.failures ?? 0) + 1;
    const trouble = { image: shape.image?.name, reason: error.message };
    const isTold = this.all.some(({ image, reason }) => image === trouble.image && reason === trouble.reason);
    this.#failing.set(key, { ...trouble, failures, untilMs: performance.now() + Math.min(minMs * 2 ** (failures - 1), maxMs) });
    if (isTold) return;
    log.warn({ err: error, image: trouble.image }, "no sandbox of this kind can be started ahead; its jobs start their own until this works again");
    this.#options.onChange?.();
  }

  /** It was seen to work: tried again at once. */
  retry(key: string): void {
    const failing = this.#failing.get(key);
    if (failing) failing.untilMs = 0;
  }

  works(key: string): void {
    const failing = this.#failing.get(key);
    if (!this.#failing.delete(key)) return;
    this.#options.log.info({ image: failing?.image }, "sandboxes are started ahead again");
    this.#options.onChange?.();
  }

  /** Forgets what nobody wants any more. */
  keepOnly(keys: ReadonlySet<string>): void {
    const gone = [...this.#failing.keys()].filter((key) => !keys.has(key));
    for (const key of gone) this.#failing.delete(key);
    if (gone.length > 0) this.#options.onChange?.();
  }

  /** How long until the next may be tried again, in ms; undefined where nothing waits. */
  get nextInMs(): number | undefined {
    const waits = [...this.#failing.values()].map(({ untilMs }) => Math.max(0, untilMs - performance.now()));
    return waits.length === 0 ? undefined : Math.min(...waits);
  }
}
