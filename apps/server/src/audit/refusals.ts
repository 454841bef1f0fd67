import type { Logger } from "pino";
import type { RefusedCalls, Store } from "../store/store.ts";

/** Refused calls are written together, at most this often, in ms. */
const FLUSH_MS = 5_000;
/** Kinds of them that are told apart between two writes; of further ones only the log tells. */
const KINDS_LIMIT = 500;

/**
 * Counts calls that were refused for want of a token or a role. Anybody who reaches the port can make them, so they are added up here, and what they cost
 * the database is one small write now and then.
 */
export class Refusals {
  readonly #store: Pick<Store, "countRefusals">;
  readonly #log: Logger;
  #counted = new Map<string, RefusedCalls>();
  #uncounted = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: Pick<Store, "countRefusals">, log: Logger) {
    this.#store = store;
    this.#log = log.child({ part: "audit" });
  }

  count(call: RefusedCalls): void {
    const key = JSON.stringify([call.action, call.outcome, call.token?.tokenId, call.address]);
    const known = this.#counted.get(key);
    if (known || this.#counted.size < KINDS_LIMIT) this.#counted.set(key, { ...call, count: (known?.count ?? 0) + call.count });
    else this.#uncounted += call.count;
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  /** Writes what was counted: for the timer, before the audit is read, and at the end. What cannot be written is counted again for the next time. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [refused, uncounted] = [[...this.#counted.values()], this.#uncounted];
    this.#counted = new Map();
    this.#uncounted = 0;
    if (uncounted > 0) this.#log.warn({ calls: uncounted }, "more kinds of refused calls than the audit tells apart");
    // One after another, so that who flushes and then reads sees what the timer is writing.
    this.#writing = this.#writing.then(async () => await this.#write(refused));
    await this.#writing;
  }

  async #write(refused: RefusedCalls[]): Promise<void> {
    if (refused.length === 0) return;
    try {
      await this.#store.countRefusals(refused);
    } catch (error) {
      this.#log.error({ err: error, kinds: refused.length }, "refused calls could not be written to the audit; the next write tries again");
      for (const call of refused) this.count(call);
    }
  }
}
