/** When a backend's circuit opens, and for how long. */
export interface CircuitLimits {
  /** Failures by its own fault in a row, each of another job, that open it; 0: it never opens. */
  readonly faults: number;
  /** How long it is open the first time, in ms; each time that its canary fails it is twice as long. */
  readonly coolDownMs: number;
  /** The longest that it is open at a time, in ms. */
  readonly coolDownLimitMs: number;
}

export const CIRCUIT_LIMITS: CircuitLimits = { faults: 3, coolDownMs: 60_000, coolDownLimitMs: 1_800_000 };

/** How long a circuit that opens for the `opens`th time in a row stays open, in ms. */
export function coolDownMs(opens: number, { coolDownMs, coolDownLimitMs }: CircuitLimits): number {
  // Beyond 2^30 it would overflow, and the limit is long reached.
  return Math.min(coolDownMs * 2 ** Math.min(opens - 1, 30), Math.max(coolDownLimitMs, coolDownMs));
}
