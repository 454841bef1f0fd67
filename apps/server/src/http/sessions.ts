import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import type { TokenView } from "@slipway/protocol/accounts";
import { SESSION_COOKIE, SESSION_TTL_MS, SIGN_IN_CODE_TTL_MS } from "@slipway/protocol/session";
import { sha256 } from "../secrets.ts";
import type { Actor, SessionRow, Store } from "../store/store.ts";

/** Codes that may be out at the same time; more push the oldest out. */
const CODES_LIMIT = 1_000;

/** Browsers that are signed in. A session's secret is in its cookie alone; the store has its digest. Codes live in memory: they are good for a minute. */
export class Sessions {
  readonly #store: Store;
  readonly #key: KeyObject;
  readonly #codes = new Map<string, { token: TokenView; expiresAt: number }>();

  constructor(store: Store, key: KeyObject) {
    this.#store = store;
    this.#key = key;
  }

  /** Two servers on one machine are two sites that share their cookies: each has a name of its own. */
  get cookie(): string {
    return `${SESSION_COOKIE}_${this.#store.installationId.slice(-8)}`;
  }

  /** Undefined where the token is live no more. */
  async open(token: TokenView, by: Actor): Promise<{ secret: string; session: SessionRow } | undefined> {
    const secret = randomBytes(32).toString("base64url");
    const session = await this.#store.createSession({ sha256: sha256(secret), tokenId: token.id, ttlMs: SESSION_TTL_MS }, by);
    return session && { secret, session };
  }

  /** The live session of a cookie. */
  async find(secret: string): Promise<SessionRow | undefined> {
    return await this.#store.findSession(sha256(secret));
  }

  async end(secret: string): Promise<void> {
    await this.#store.endSession(sha256(secret));
  }

  /** What requests of this session carry that change something. It follows from the cookie, which no page can read. */
  csrfToken(secret: string): string {
    return createHmac("sha256", this.#key)
      .update(JSON.stringify(["csrf", secret]))
      .digest("base64url");
  }

  isCsrfToken(secret: string, given: string | string[] | undefined): boolean {
    const expected = Buffer.from(this.csrfToken(secret));
    const bytes = Buffer.from(typeof given === "string" ? given : "");
    return bytes.byteLength === expected.byteLength && timingSafeEqual(bytes, expected);
  }

  /** A code that signs a browser in as the token, once. */
  makeCode(token: TokenView): { code: string; expiresAt: number } {
    const code = randomBytes(24).toString("base64url");
    const expiresAt = Date.now() + SIGN_IN_CODE_TTL_MS;
    const [oldest] = this.#codes.keys();
    if (this.#codes.size >= CODES_LIMIT && oldest !== undefined) this.#codes.delete(oldest);
    this.#codes.set(sha256(code), { token, expiresAt });
    return { code, expiresAt };
  }

  /** The token of a code that is still good; good no more from now on. */
  takeCode(code: string): TokenView | undefined {
    const digest = sha256(code);
    const found = this.#codes.get(digest);
    this.#codes.delete(digest);
    return found && found.expiresAt > Date.now() ? found.token : undefined;
  }
}
