import type { CassetteMode } from "@slipway/protocol/cassette";
import type { ReserveAhead } from "@slipway/protocol/gateway-api";
import { newId } from "@slipway/protocol/scalars";

/** What a call may take at most; `costUsd` is null where the model's price is not known. */
export type CallAmounts = Omit<ReserveAhead, "callId">;

/** A reservation that the server has made for the next call of an attempt. */
export interface Held extends ReserveAhead {
  /** No call begins on it later, by `performance.now()`. */
  readonly goodUntil: number;
  /** What is done with its attempt's calls besides; null where nothing is. */
  readonly cassette: CassetteMode | null;
}

/** One that was asked for, and what became of it. */
export interface Asked {
  readonly wish: ReserveAhead;
  /** To be called once, with how long it is good for, in ms; null where the server did not make it. `sentAt` is from before the server was asked. */
  readonly answered: (forMs: number | null, sentAt: number, cassette?: CassetteMode | null) => void;
}

interface Kept {
  readonly made: Promise<Held | null>;
  callId: string | null;
  timer: NodeJS.Timeout | undefined;
}

/**
 * What is reserved ahead: at most one reservation for each attempt, asked for with an earlier one. It is given back when no call has come for as long as it
 * is good, which is no longer than its attempt's lease.
 */
export class ReservedAhead {
  readonly #free: (callId: string) => Promise<void>;
  readonly #attempts = new Map<string, Kept>();

  /** `free` tells the server that nothing will be sent on a reservation, and resolves when it knows. */
  constructor(free: (callId: string) => Promise<void>) {
    this.#free = free;
  }

  /** What to ask the server for; undefined where the attempt has one already, or has asked for it. */
  ask(token: string, amounts: CallAmounts): Asked | undefined {
    if (this.#attempts.has(token)) return undefined;
    const wish: ReserveAhead = { callId: newId(), ...amounts };
    const { promise: made, resolve } = Promise.withResolvers<Held | null>();
    const kept: Kept = { made, callId: null, timer: undefined };
    this.#attempts.set(token, kept);
    const answered: Asked["answered"] = (forMs, sentAt, cassette = null) => {
      const goodUntil = sentAt + (forMs ?? 0);
      resolve(forMs === null ? null : { ...wish, goodUntil, cassette });
      // Somebody waits for it already.
      if (this.#attempts.get(token) !== kept) return;
      if (forMs === null) this.#attempts.delete(token);
      else {
        kept.callId = wish.callId;
        kept.timer = setTimeout(() => void this.giveBack(token), Math.max(0, goodUntil - performance.now())).unref();
      }
    };
    return { wish, answered };
  }

  /** The attempt's reservation, which is then the caller's to use or to free; one that was asked for is waited for. Null where there is none. */
  async take(token: string): Promise<Held | null> {
    const kept = this.#attempts.get(token);
    if (!kept) return null;
    this.#attempts.delete(token);
    clearTimeout(kept.timer);
    return await kept.made;
  }

  /** Frees the attempt's reservation; false where it has none. */
  async giveBack(token: string): Promise<boolean> {
    const held = await this.take(token);
    if (held) await this.#free(held.callId);
    return held !== null;
  }

  /** Frees all that are held. */
  close(): void {
    for (const [token, { callId }] of this.#attempts) if (callId !== null) void this.giveBack(token);
  }
}
