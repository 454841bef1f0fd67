/** A difference of this many ms between two clocks, or of one tick, is a jump and not jitter. */
const JUMP_MS = 2_000;
/** The longest time between two checks that is normal, in ms. */
const STILL_MS = 5_000;

/** The two clocks of a machine, in ms; a set time or a sleep moves them apart. */
export interface Clocks {
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
}

export const REAL_CLOCKS: Clocks = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/**
 * Notices that time went on without us: the wall clock was set, the machine slept (the wall clock went on, the monotonic one did not), or this
 * process stood still for longer than a lease can bear. Leases are then good for one more full time, because nobody could renew them.
 */
export class LeaseClock {
  readonly #clocks: Clocks;
  readonly #grace: () => Promise<unknown>;
  #wall: number;
  #monotonic: number;
  #granting: Promise<unknown> | null = null;

  /** `grace` grants every live lease a full time. */
  constructor(grace: () => Promise<unknown>, clocks: Clocks) {
    this.#clocks = clocks;
    this.#grace = grace;
    this.#wall = clocks.wallMs();
    this.#monotonic = clocks.monotonicMs();
  }

  /** Called by the reaper's tick and before every write of an attempt. True where there was a jump; the grace is granted when it resolves. */
  async check(): Promise<boolean> {
    const wall = this.#clocks.wallMs();
    const monotonic = this.#clocks.monotonicMs();
    const wallStep = wall - this.#wall;
    const monotonicStep = monotonic - this.#monotonic;
    this.#wall = wall;
    this.#monotonic = monotonic;
    const jumped = Math.abs(wallStep - monotonicStep) > JUMP_MS || monotonicStep > STILL_MS;
    if (jumped) {
      this.#granting = this.#grace().finally(() => {
        this.#granting = null;
      });
    }
    // A second caller during the grace must not judge a lease by the time before it.
    if (this.#granting) await this.#granting;
    return jumped;
  }
}
