import type { TurnResources } from "@slipway/protocol/events";
import type { AgentResources } from "./agent-resources.ts";

/** The first looks come quickly, as a turn may be short; later ones every two seconds. */
const LOOK_LIMITS_MS = { first: 100, longest: 2_000 };
/** A look may cost this share of the time at most: where there are many processes it comes less often. */
const COST_SHARE = 0.01;

/** Counts what a turn takes of the machine, from its creation to `end`. */
export class ResourceMeter {
  readonly #count: () => AgentResources | undefined;
  readonly #atFirst: AgentResources | undefined;
  #cpuMs = 0;
  #peakMemoryBytes = 0;
  #pauseMs = LOOK_LIMITS_MS.first;
  #timer: NodeJS.Timeout | undefined;

  /** `atFirst`: what was counted before, where it was: counting takes a millisecond, for which the agent need not wait. */
  constructor(count: () => AgentResources | undefined, atFirst = count()) {
    this.#count = count;
    this.#atFirst = atFirst;
    if (this.#atFirst) this.#lookLater(this.#pauseMs);
  }

  /** Undefined where the system does not tell. Looks a last time, so it is asked before anything of the turn is killed. */
  end(): TurnResources | undefined {
    clearTimeout(this.#timer);
    if (!this.#atFirst) return undefined;
    this.#look();
    return { cpuMs: this.#cpuMs, peakMemoryBytes: this.#peakMemoryBytes };
  }

  #lookLater(pauseMs: number): void {
    this.#timer = setTimeout(() => {
      const began = performance.now();
      this.#look();
      this.#pauseMs = Math.min(LOOK_LIMITS_MS.longest, this.#pauseMs * 2);
      this.#lookLater(Math.max(this.#pauseMs, (performance.now() - began) / COST_SHARE));
    }, pauseMs).unref();
  }

  #look(): void {
    const now = this.#count();
    if (!now || !this.#atFirst) return;
    // A process that nobody waited for takes its time with it when it ends.
    this.#cpuMs = Math.max(this.#cpuMs, now.cpuMs - this.#atFirst.cpuMs);
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, now.memoryBytes);
  }
}
