import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { Provider } from "@slipway/protocol/gateway-config";
import type { FoundKey, Keys } from "./keys.ts";

/** How long a key rests that the vendor refused, or whose account has nothing left, in ms. A key that is replaced meanwhile is another one. */
const REFUSED_REST_MS = 10 * 60_000;
/** How long a key rests whose vendor asks to slow down and does not say for how long, in ms. */
const RATE_REST_MS = 20_000;
/** How long a call waits for a key that is at its own limits, in ms. */
const WAIT_LIMIT_MS = 60_000;
const MINUTE_MS = 60_000;

/** What the vendor says of a key, and another key may not have heard. */
export const KEY_CODES: ReadonlySet<ErrorCode> = new Set(["BACKEND_AUTH", "BACKEND_QUOTA", "BACKEND_RATE_LIMITED"]);

/** A key that a call has, until it is released. */
export interface HeldKey extends Disposable, FoundKey {
  readonly name: string;
}

/** What is known of one key's value: it says nothing of the value that replaces it. */
interface KeyState {
  restsUntil: number;
  running: number;
  /** When its calls of the last minute began, the oldest first. */
  began: number[];
}

/**
 * The keys of the providers as calls take them: in the order of the configuration, passing over those that the vendor refused lately and those that are at
 * the limits the configuration gives each. Where all rest, the one that has rested longest is taken, so that the vendor says itself what is wrong.
 */
export class KeyRing {
  readonly #keys: Keys;
  readonly #states = new Map<string, KeyState>();
  #changed = Promise.withResolvers<void>();

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /**
   * A key for a call; null where the provider needs none. Waits for one that is at its limits. SECRET_MISSING where no key is there, BACKEND_RATE_LIMITED
   * where none came free in time, with `details.retryAfterMs`; or the signal's reason.
   */
  async acquire(provider: Provider, signal: AbortSignal): Promise<HeldKey | null> {
    if (provider.key === null) return null;
    const deadline = performance.now() + WAIT_LIMIT_MS;
    for (;;) {
      const now = performance.now();
      const held = this.take(provider, new Set(), now);
      if (held) return held;
      const freeAt = this.#freeAt(provider, now);
      if (now >= deadline) throw busy(freeAt - now);
      await this.#change(Math.min(freeAt, deadline) - now, signal);
    }
  }

  /** Another key than those, at once; undefined where there is none that is worth a try. SECRET_MISSING where none is there at all. */
  take(provider: Provider, tried: ReadonlySet<string>, now = performance.now()): HeldKey | undefined {
    const known = this.#found(provider).filter(({ name }) => !tried.has(name));
    const awake = known.filter(({ state }) => state.restsUntil <= now);
    const resting = tried.size > 0 || awake.length > 0 ? [] : known.toSorted((a, b) => a.state.restsUntil - b.state.restsUntil);
    const found = [...awake, ...resting].find(({ state }) => hasRoom(state, provider, now));
    if (!found) return undefined;
    const { name, key, state } = found;
    state.running += 1;
    state.began.push(now);
    return { ...key, name, [Symbol.dispose]: once(() => this.#release(state)) };
  }

  /** The vendor has refused this key: it rests. */
  rest({ value }: FoundKey, code: ErrorCode, afterMs: number | undefined): void {
    const restMs = code === "BACKEND_RATE_LIMITED" ? (afterMs ?? RATE_REST_MS) : REFUSED_REST_MS;
    this.#state(value).restsUntil = performance.now() + restMs;
  }

  /** The vendor has taken this key. */
  good({ value }: FoundKey): void {
    this.#state(value).restsUntil = 0;
  }

  /** Those that are there, in their order. */
  #found({ key: first, moreKeys }: Provider): Array<{ name: string; key: FoundKey; state: KeyState }> {
    const found: Array<{ name: string; key: FoundKey; state: KeyState }> = [];
    let missing: unknown;
    for (const name of [...(first === null ? [] : [first]), ...moreKeys]) {
      try {
        const key = this.#keys.get(name);
        found.push({ name, key, state: this.#state(key.value) });
      } catch (error) {
        missing ??= error;
      }
    }
    if (found.length === 0) throw missing;
    return found;
  }

  #freeAt(provider: Provider, now: number): number {
    const times = this.#found(provider).map(({ state: { began, running } }) => {
      // Of calls under way nobody knows when they end; whoever ends one says so.
      if (running >= (provider.keyConcurrency ?? Number.POSITIVE_INFINITY)) return Number.POSITIVE_INFINITY;
      return (began[0] ?? now) + MINUTE_MS;
    });
    return Math.min(...times);
  }

  async #change(limitMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => reject(signal.reason);
    const timer = setTimeout(resolve, Math.max(1, Math.min(limitMs, WAIT_LIMIT_MS)));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      await Promise.race([this.#changed.promise, promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  #release(state: KeyState): void {
    state.running -= 1;
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  #state(value: string): KeyState {
    let state = this.#states.get(value);
    if (!state) {
      state = { restsUntil: 0, running: 0, began: [] };
      this.#states.set(value, state);
    }
    return state;
  }
}

function hasRoom(state: KeyState, { keyConcurrency, keyRequestsPerMinute }: Provider, now: number): boolean {
  while ((state.began[0] ?? Number.POSITIVE_INFINITY) <= now - MINUTE_MS) state.began.shift();
  return state.running < (keyConcurrency ?? Number.POSITIVE_INFINITY) && state.began.length < (keyRequestsPerMinute ?? Number.POSITIVE_INFINITY);
}

function busy(afterMs: number): SlipwayError {
  const retryAfterMs = Number.isFinite(afterMs) ? Math.max(0, Math.ceil(afterMs)) : RATE_REST_MS;
  const message = `No key of the provider came free within ${WAIT_LIMIT_MS / 1_000} s: all are at \`keyConcurrency\` or \`keyRequestsPerMinute\`.`;
  return new SlipwayError("BACKEND_RATE_LIMITED", message, { retryAfterMs, hint: "Raise the limits in gateway.yaml, or give the provider more keys." });
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
