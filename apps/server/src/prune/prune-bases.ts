import { pruneRefs } from "@slipway/git/maintenance";
import { BASE_REFS } from "../hub/hub-access.ts";

/**
 * A base that nobody uses must have been so for this long, in ms, as this process saw it: a command line pushes a base first and names it in a job then.
 */
const UNUSED_MS = 3_600_000;

/** Remembers since when bases are unused. */
export class UnusedBases {
  readonly #since = new Map<string, number>();
  readonly #now: () => number;

  /** `now`: a monotonic clock, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Deletes the refs of bases that no job in `inUse` has started from for long enough. Answers how many were deleted. */
  async prune(root: string, inUse: ReadonlySet<string>): Promise<number> {
    return await pruneRefs(root, "upstream", BASE_REFS, (refs) => refs.filter(({ ref, oid }) => this.#isGone(`${root} ${ref}`, inUse.has(oid))));
  }

  #isGone(key: string, isUsed: boolean): boolean {
    if (isUsed) {
      this.#since.delete(key);
      return false;
    }
    const since = this.#since.get(key) ?? this.#now();
    const isGone = this.#now() - since >= UNUSED_MS;
    if (isGone) this.#since.delete(key);
    else this.#since.set(key, since);
    return isGone;
  }
}
