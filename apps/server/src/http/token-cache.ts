import type { TokenView } from "@slipway/protocol/accounts";
import { sha256 } from "../secrets.ts";
import type { Actor, Store } from "../store/store.ts";

/** A look-up is good for this long, in ms. Shorter than the minute after which the store notes another use of a token. */
const FRESH_MS = 20_000;
/** Tokens remembered at once. */
const LIMIT = 1_000;

/** Remembers which token is whose, by digest, so that not every request reads the store. A revocation empties it, and ends what the token holds open. */
export class TokenCache {
  readonly #store: Store;
  readonly #known = new Map<string, { view: TokenView; at: number }>();
  /** Tokens that were revoked while this server runs. */
  readonly #revoked = new Set<string>();
  readonly #streams = new Map<string, Set<() => void>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The live token, or undefined. */
  async find(secret: string): Promise<TokenView | undefined> {
    const digest = sha256(secret);
    const known = this.#known.get(digest);
    if (known && performance.now() - known.at < FRESH_MS && !isOver(known.view)) return known.view;
    this.#known.delete(digest);
    const revocations = this.#revoked.size;
    const view = await this.#store.findToken(digest);
    if (!view || isOver(view)) return undefined;
    if (this.#known.size >= LIMIT) this.#known.clear();
    // What was read before a revocation may be the revoked token itself.
    if (revocations === this.#revoked.size) this.#known.set(digest, { view, at: performance.now() });
    return view;
  }

  async revoke(id: string, by: Actor): Promise<boolean> {
    const revoked = await this.#store.revokeToken(id, by);
    if (revoked) this.#revoked.add(id);
    this.#known.clear();
    for (const end of this.#streams.get(id) ?? []) end();
    return revoked;
  }

  /** Calls `end` when the token is revoked, or now where it was since the request came in. The answer takes that back, when the stream has ended. */
  onRevoked(id: string, end: () => void): () => void {
    const streams = this.#streams.get(id) ?? new Set();
    this.#streams.set(id, streams.add(end));
    if (this.#revoked.has(id)) end();
    return () => {
      streams.delete(end);
      if (streams.size === 0 && this.#streams.get(id) === streams) this.#streams.delete(id);
    };
  }
}

function isOver(view: TokenView): boolean {
  return view.expiresAt !== null && view.expiresAt <= Date.now();
}
