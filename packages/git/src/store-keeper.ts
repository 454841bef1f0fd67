import { existsSync } from "node:fs";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing } from "./bare-store.ts";
import { maintain, pruneRefs, removeLeftovers } from "./maintenance.ts";
import { FETCHED_REFS } from "./repository.ts";

export interface StoreKeeperOptions {
  /** Has a folder `<repository id>/` for each repository, with its two stores in it; nobody else works there. */
  readonly folder: string;
  /** Hears of what could not be done; it is tried again the next time. */
  readonly onTrouble: (error: unknown, repositoryId: string) => void;
  /** How long nothing must have been in use before stores are packed and pruned, in ms. */
  readonly idleMs?: number;
  /** How often that is done to one repository at most, in ms. */
  readonly everyMs?: number;
}

const IDLE_MS = 60_000;
const EVERY_MS = 86_400_000;
/** Longer than any attempt or merge holds on to a commit that has no ref yet; while one does, nothing is pruned anyway. */
const PRUNE_AFTER_MS = 86_400_000;
/** Bases that keep their ref though nobody uses them: by these the next fetch can say what is already here. */
const KEPT_BASES = 8;
/** Its modification time is that of the last maintenance. */
const MARKER = "maintained";

/**
 * Keeps the stores of a worker or an integrator small: deletes the refs of fetched commits when nobody needs them any more, and packs and prunes while
 * nothing at all is in use. Whoever works with the stores of a repository says so by `use`: no maintenance runs there as long.
 */
export class StoreKeeper implements AsyncDisposable {
  readonly #options: StoreKeeperOptions;
  /** Of each repository: what its users need. */
  readonly #users = new Map<string, Set<readonly string[]>>();
  #pruning: Promise<void> = Promise.resolve();
  #maintaining: { readonly repositoryId: string; readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: StoreKeeperOptions) {
    this.#options = options;
    this.#restIfIdle();
  }

  /** At the start, before anything is in use: removes what a killed process left half-made in the stores. */
  async removeLeftovers(): Promise<void> {
    for (const id of await this.#repositories()) await this.#attempt(id, () => removeLeftovers(this.#rootOf(id)));
  }

  /** From here until it is disposed of, the stores of the repository are in use, and the fetched commits `oids` keep their refs. */
  async use(repositoryId: string, oids: readonly string[]): Promise<Disposable> {
    clearTimeout(this.#idle);
    const users = this.#users.get(repositoryId) ?? new Set();
    this.#users.set(repositoryId, users.add(oids));
    const running = this.#maintaining;
    running?.abort.abort(new Error("The stores are needed."));
    if (running?.repositoryId === repositoryId) await running.done;
    return {
      [Symbol.dispose]: () => {
        if (!users.delete(oids)) return;
        if (users.size === 0) this.#users.delete(repositoryId);
        this.#pruning = this.#pruning.then(() => this.#prune(repositoryId));
        this.#restIfIdle();
      },
    };
  }

  /** Ends maintenance; resolves when the refs of all that was used are looked through. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    this.#maintaining?.abort.abort(new Error("The keeper is closed."));
    await Promise.all([this.#pruning, this.#maintaining?.done]);
  }

  #restIfIdle(): void {
    if (this.#isClosed || this.#users.size > 0) return;
    clearTimeout(this.#idle);
    const begin = (): void => void this.#maintainAll().catch((error: unknown) => this.#options.onTrouble(error, ""));
    this.#idle = setTimeout(begin, this.#options.idleMs ?? IDLE_MS).unref();
  }

  async #prune(id: string): Promise<void> {
    const needed = (oid: string): boolean => [...(this.#users.get(id) ?? [])].some((oids) => oids.includes(oid));
    for (const [store, kept] of [["jobs", 0] as const, ["upstream", KEPT_BASES] as const]) {
      // Beside the hub nothing is ever fetched, and nothing is to be asked of git.
      if (!existsSync(join(this.#rootOf(id), `${store}.git`, FETCHED_REFS))) continue;
      await this.#attempt(id, async () => {
        await pruneRefs(this.#rootOf(id), store, FETCHED_REFS, (refs) => refs.slice(kept).filter(({ oid }) => !needed(oid)));
      });
    }
  }

  /** One repository after the other, until all are done or something is in use again. */
  async #maintainAll(): Promise<void> {
    for (const id of await this.#repositories()) {
      if (this.#isClosed || this.#users.size > 0 || this.#maintaining) return;
      const abort = new AbortController();
      const done = this.#attempt(id, () => this.#maintain(id, abort.signal), abort.signal);
      this.#maintaining = { repositoryId: id, abort, done };
      await done;
      this.#maintaining = undefined;
    }
    this.#restIfIdle();
  }

  async #maintain(id: string, signal: AbortSignal): Promise<void> {
    const root = this.#rootOf(id);
    const marker = join(root, MARKER);
    const last = await stat(marker).catch(ignoreMissing);
    if (last && Date.now() - last.mtimeMs < (this.#options.everyMs ?? EVERY_MS)) return;
    if (!existsSync(join(root, "jobs.git"))) return;
    await maintain(root, { pruneAfterMs: PRUNE_AFTER_MS, signal });
    await writeFile(marker, "", { mode: 0o600 });
  }

  async #attempt(id: string, work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!signal?.aborted) this.#options.onTrouble(error, id);
    }
  }

  async #repositories(): Promise<string[]> {
    return (await readdir(this.#options.folder).catch(ignoreMissing)) ?? [];
  }

  #rootOf(id: string): string {
    return join(this.#options.folder, id);
  }
}
