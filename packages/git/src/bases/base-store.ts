import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, stat, statfs, utimes } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";
import { ignoreMissing } from "../bare-store.ts";
import { gitText, runGit } from "../exec.ts";
import { removeTree } from "../remove-tree.ts";
import type { WorkerRepository } from "../repository.ts";
import { type Base, pathsAt, readBase, writeBase } from "./base.ts";
import { type Below, buildDelta, buildWhole, type Owner } from "./build-base.ts";
import { readMounts, unmountBelow } from "./mounts.ts";

export interface BaseStoreOptions {
  /** Nobody else's; on the same mount as the workspaces. */
  readonly folder: string;
  /** Whether a base may be a layer over an older one; else each has all files. */
  readonly layered: boolean;
  /** Tells one start of the machine from the next. */
  readonly bootId: string;
  /** Whose the files are, where the agents are not this process' user. */
  readonly owner?: Owner | undefined;
  /** Hears of what goes wrong where nobody waits for it. */
  readonly onTrouble: (error: unknown) => void;
  readonly limits?: Partial<BaseLimits>;
}

export interface BaseLimits {
  /** What all bases together may take of the disk, in bytes; those in use may be beyond it. */
  readonly totalBytes: number;
  /** Below so many free bytes those that nobody uses go. */
  readonly minFreeBytes: number;
  /** A base that nobody used for so long goes, in ms. */
  readonly idleMs: number;
  /** From so many files on a base is made of what differs from an older one. */
  readonly deltaFromFiles: number;
  /** With so many layers below its own, one with all files is made beside it. */
  readonly flattenDepth: number;
}

export const BASE_LIMITS: BaseLimits = {
  totalBytes: 20 * 1024 ** 3,
  minFreeBytes: 2 * 1024 ** 3,
  idleMs: 3 * 86_400_000,
  deltaFromFiles: 1_000,
  flattenDepth: 8,
};

/** Even while the flat one is being made: a mount takes a page of options. */
const MOST_LAYERS = 32;
/** How many older bases are compared with what is asked for. */
const COMPARED = 2;
/** More listing than this is no small difference. */
const CHANGES_LIMIT_BYTES = 4 * 1024 ** 2;

export interface BaseRequest {
  readonly repository: WorkerRepository;
  readonly oid: string;
  /** Whether the commit may be one that only jobs.git has. */
  readonly withJobObjects: boolean;
}

/** A base as its user sees it. */
export interface UsedBase {
  readonly id: string;
  /** Layers of a workspace, topmost first: the index, then the files. */
  readonly lower: readonly string[];
  /** The files, where the base has them all in one layer. */
  readonly tree: string;
  readonly index: string;
  readonly how: "kept" | "delta" | "whole";
}

interface Building {
  readonly done: Promise<Base>;
  readonly abort: AbortController;
  waiting: number;
}

/**
 * The bases of a worker: made once however many ask at the same time, and kept for the next ones. Counted by their users: a base that has one is never
 * removed, nor what it lies on, nor one that a mount shows. The others go when they are old, or when the disk wants room.
 */
export class BaseStore implements AsyncDisposable {
  readonly #options: BaseStoreOptions;
  readonly #limits: BaseLimits;
  readonly #bases = new Map<string, Base>();
  /** Newest base of each tree. */
  readonly #byTree = new Map<string, string>();
  readonly #usedAtMs = new Map<string, number>();
  /** The base of each user. */
  readonly #users = new Map<string, string>();
  readonly #building = new Map<string, Building>();
  readonly #trees = new Map<string, string>();
  readonly #closed = new AbortController();
  #background: Promise<void> = Promise.resolve();
  #isFlattening = false;

  private constructor(options: BaseStoreOptions) {
    this.#options = options;
    this.#limits = { ...BASE_LIMITS, ...options.limits };
  }

  /** Opens the folder; what was half made or half removed goes, and what a power cut may have broken. */
  static async open(options: BaseStoreOptions): Promise<BaseStore> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const store = new BaseStore(options);
    await store.#load();
    return store;
  }

  /** Where its layers are. */
  get folder(): string {
    return this.#options.folder;
  }

  get owner(): Owner | undefined {
    return this.#options.owner;
  }

  /** Says again who uses what, as it was written down before the process was killed. */
  retain(user: string, id: string): void {
    this.#users.set(user, id);
  }

  /** Nobody's any more: it is kept for the next ones, as long as there is room. */
  release(user: string): void {
    const id = this.#users.get(user);
    if (id === undefined) return;
    this.#users.delete(user);
    this.#touch(id);
    this.#later(() => this.sweep());
  }

  /** The base of a commit for a user, made if it is not there. `user` has it until `release`. WORKSPACE_FAILED, DISK_FULL, the signal's reason. */
  async use(user: string, request: BaseRequest, signal: AbortSignal): Promise<UsedBase> {
    const tree = await this.#treeOf(request, signal);
    const kept = this.#find(tree);
    if (kept) return this.#give(user, kept, "kept");
    const building = this.#building.get(tree) ?? this.#build(tree, request.repository);
    building.waiting += 1;
    try {
      const base = await untilAborted(building.done, signal);
      return this.#give(user, base, base.parent === null ? "whole" : "delta");
    } finally {
      building.waiting -= 1;
      if (building.waiting === 0) this.#giveUp(tree, building);
    }
  }

  /** Removes what nobody uses and is old, or has been replaced, or for which there is no room. */
  async sweep(): Promise<void> {
    const mounted = (await readMounts()).filter(({ type }) => type === "overlay").map(({ options }) => options);
    const isShown = (id: string): boolean => mounted.some((options) => options.includes(`${id}/`));
    const idle = (): Base[] =>
      [...this.#bases.values()]
        .filter((base) => !this.#isNeeded(base) && !isShown(base.id))
        .toSorted((a, b) => (this.#usedAtMs.get(a.id) ?? 0) - (this.#usedAtMs.get(b.id) ?? 0));
    const isOver = (base: Base): boolean => {
      const isReplaced = this.#byTree.get(base.tree) !== base.id;
      return isReplaced || Date.now() - (this.#usedAtMs.get(base.id) ?? 0) > this.#limits.idleMs;
    };
    // One that goes may have been what kept the one below it.
    for (let next = idle().find(isOver); next; next = idle().find(isOver)) await this.#remove(next);
    for (let [next] = idle(); next && (await this.#wantsRoom()); [next] = idle()) await this.#remove(next);
  }

  /** What there is, for people and tests. */
  list(): ReadonlyArray<Base & { readonly users: number }> {
    const users = [...this.#users.values()];
    return [...this.#bases.values()].map((base) => ({ ...base, users: users.filter((id) => id === base.id).length }));
  }

  /** Resolves when nothing goes on in the background. */
  async settled(): Promise<void> {
    for (let before: unknown; before !== this.#background; ) {
      before = this.#background;
      await this.#background;
    }
  }

  /** Ends what is being made. Bases stay, and so do mounts: their users' part is to unmount them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new SlipwayError("WORKER_STOPPED"));
    await Promise.allSettled([...this.#building.values()].map(({ done }) => done));
    await this.settled();
  }

  async #load(): Promise<void> {
    const { folder, bootId } = this.#options;
    for (const name of await readdir(folder)) {
      const root = join(folder, name);
      const base = name.startsWith("making-") || name.startsWith("removing-") ? undefined : await readBase(root);
      if (base && base.id === name && base.uid === this.#uid && (base.isSynced || base.bootId === bootId))
        this.#add(base, (await stat(pathsAt(root).facts)).mtimeMs);
      else await this.#discard(root);
    }
    for (let lost = this.#withoutParent(); lost; lost = this.#withoutParent()) await this.#remove(lost);
  }

  /** Shown by a mount, it stays: whoever has that mount may still be at work. */
  async #discard(root: string): Promise<void> {
    await unmountBelow(root);
    const name = root.slice(this.#options.folder.length + 1).replace(/^(making|removing)-/, "");
    if ((await readMounts()).some(({ type, options }) => type === "overlay" && options.includes(`${name}/`))) return;
    await removeTree(root);
  }

  #withoutParent(): Base | undefined {
    return [...this.#bases.values()].find(({ parent }) => parent !== null && !this.#bases.has(parent));
  }

  #add(base: Base, usedAtMs: number): void {
    this.#bases.set(base.id, base);
    this.#usedAtMs.set(base.id, usedAtMs);
    const other = this.#bases.get(this.#byTree.get(base.tree) ?? "");
    if (!other || other.depth > base.depth) this.#byTree.set(base.tree, base.id);
  }

  #find(tree: string): Base | undefined {
    return this.#bases.get(this.#byTree.get(tree) ?? "");
  }

  #give(user: string, base: Base, how: UsedBase["how"]): UsedBase {
    this.#users.set(user, base.id);
    this.#touch(base.id);
    const paths = pathsAt(this.#rootOf(base.id));
    return { id: base.id, lower: [paths.git, ...this.#layersOf(base)], tree: paths.tree, index: paths.index, how };
  }

  /** The next start of the worker knows by this time how old it is. */
  #touch(id: string): void {
    const now = new Date();
    this.#usedAtMs.set(id, now.getTime());
    utimes(pathsAt(this.#rootOf(id)).facts, now, now)
      .catch(ignoreMissing)
      .catch(this.#options.onTrouble);
  }

  #layersOf(base: Base): string[] {
    const below = base.parent === null ? undefined : this.#bases.get(base.parent);
    return [pathsAt(this.#rootOf(base.id)).tree, ...(below ? this.#layersOf(below) : [])];
  }

  async #treeOf({ repository, oid, withJobObjects }: BaseRequest, signal: AbortSignal): Promise<string> {
    const known = this.#trees.get(oid);
    if (known !== undefined) return known;
    const gitDir = withJobObjects ? repository.jobsGit : repository.upstreamGit;
    const tree = await gitText(["rev-parse", "--verify", `${oid}^{tree}`], { gitDir, signal, failure: "WORKSPACE_FAILED" });
    if (this.#trees.size > 1_000) this.#trees.clear();
    this.#trees.set(oid, tree);
    return tree;
  }

  /** One builder for all who wait; it ends with the last of them. */
  #build(tree: string, repository: WorkerRepository): Building {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.#closed.signal]);
    const done = this.#make(tree, repository, signal).finally(() => {
      if (this.#building.get(tree) === building) this.#building.delete(tree);
    });
    // Whoever waits hears of it; nobody may.
    done.catch(() => undefined);
    const building: Building = { done, abort, waiting: 0 };
    this.#building.set(tree, building);
    return building;
  }

  /** Over already, where it ended well. Whoever comes now begins anew. */
  #giveUp(tree: string, building: Building): void {
    if (this.#building.get(tree) === building) this.#building.delete(tree);
    building.abort.abort(new SlipwayError("WORKSPACE_FAILED", "Nobody waits for the base any more."));
  }

  async #make(tree: string, repository: WorkerRepository, signal: AbortSignal): Promise<Base> {
    signal.throwIfAborted();
    if (await this.#wantsRoom()) await this.sweep();
    const parent = await this.#nearest(tree, repository, signal);
    // A reader of its own keeps the one below from being removed meanwhile.
    const reader = `making ${randomBytes(6).toString("hex")}`;
    if (parent) this.#users.set(reader, parent.id);
    try {
      const base = await this.#makeOne(tree, repository, parent, signal);
      if (base.depth >= this.#limits.flattenDepth) this.#flattenLater(base, repository);
      return base;
    } finally {
      this.#users.delete(reader);
    }
  }

  async #makeOne(tree: string, repository: WorkerRepository, parent: Base | undefined, signal: AbortSignal): Promise<Base> {
    const { folder, owner, bootId } = this.#options;
    const id = randomBytes(6).toString("hex");
    const root = join(folder, `making-${id}`);
    const options = { root, tree, owner, signal };
    try {
      const files = parent ? await this.#delta(repository, parent, options) : await buildWhole(repository, options);
      const depth = parent ? parent.depth + 1 : 0;
      const base: Base = { id, tree, repository: repository.dir, parent: parent?.id ?? null, depth, files, bytes: 0, uid: this.#uid, bootId, isSynced: false };
      await writeBase(root, base);
      await rename(root, this.#rootOf(id));
      this.#add(base, Date.now());
      this.#later(() => this.#weigh(base));
      return base;
    } catch (error) {
      await this.#discard(root);
      throw toSlipwayError(error, "WORKSPACE_FAILED");
    }
  }

  async #delta(repository: WorkerRepository, parent: Base, options: Parameters<typeof buildDelta>[2]): Promise<number> {
    const { folder } = this.#options;
    const below: Below = { from: folder, tree: parent.tree, index: pathsAt(this.#rootOf(parent.id)).index, layers: this.#layersOf(parent) };
    try {
      return await buildDelta(repository, below, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (toSlipwayError(error).code === "DISK_FULL") throw error;
      // Such as where the older tree's objects are gone: slower, and just as good.
      this.#options.onTrouble(error);
      await this.#discard(options.root);
      return await buildWhole(repository, options);
    }
  }

  /** The older base that differs least, where that is little enough. */
  async #nearest(tree: string, repository: WorkerRepository, signal: AbortSignal): Promise<Base | undefined> {
    if (!this.#options.layered) return undefined;
    const candidates = [...this.#bases.values()]
      .filter(
        (base) =>
          this.#byTree.get(base.tree) === base.id &&
          base.repository === repository.dir &&
          base.files >= this.#limits.deltaFromFiles &&
          base.depth < MOST_LAYERS,
      )
      .toSorted((a, b) => (this.#usedAtMs.get(b.id) ?? 0) - (this.#usedAtMs.get(a.id) ?? 0))
      .slice(0, COMPARED);
    const counted = await Promise.all(candidates.map(async (base) => ({ base, changes: await countChanges(repository, base.tree, tree, signal) })));
    // The flatter one of two that are equally near.
    const [best] = counted.toSorted((a, b) => a.changes - b.changes || a.base.depth - b.base.depth);
    return best && best.changes * 2 <= best.base.files ? best.base : undefined;
  }

  /** Beside the deep one, which serves until this one is there. One at a time: what comes meanwhile is deeper, and the next one flattens that. */
  #flattenLater(base: Base, repository: WorkerRepository): void {
    if (this.#isFlattening) return;
    this.#isFlattening = true;
    this.#later(async () => {
      try {
        await this.#makeOne(base.tree, repository, undefined, this.#closed.signal);
      } finally {
        this.#isFlattening = false;
      }
      await this.sweep();
    });
  }

  async #weigh(base: Base): Promise<void> {
    const root = this.#rootOf(base.id);
    if (!this.#bases.has(base.id)) return;
    await execa("sync", ["-f", root], { stdin: "ignore" });
    const { stdout } = await execa("du", ["-s", "-B1", root], { stdin: "ignore" });
    if (!this.#bases.has(base.id)) return;
    const weighed = { ...base, bytes: Number.parseInt(stdout, 10), isSynced: true };
    this.#bases.set(base.id, weighed);
    await writeBase(root, weighed);
  }

  #isNeeded(base: Base): boolean {
    if (this.#building.get(base.tree)) return true;
    return [...this.#users.values()].includes(base.id) || [...this.#bases.values()].some(({ parent }) => parent === base.id);
  }

  async #wantsRoom(): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.#options.folder);
    const totalBytes = [...this.#bases.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    return bavail * bsize < this.#limits.minFreeBytes || totalBytes > this.#limits.totalBytes;
  }

  /** In two steps: once renamed nobody finds it, however long the removal takes or wherever it is cut off. */
  async #remove(base: Base): Promise<void> {
    this.#bases.delete(base.id);
    this.#usedAtMs.delete(base.id);
    if (this.#byTree.get(base.tree) === base.id) this.#byTree.delete(base.tree);
    const doomed = join(this.#options.folder, `removing-${base.id}`);
    await rename(this.#rootOf(base.id), doomed);
    await this.#discard(doomed);
  }

  #later(work: () => Promise<void>): void {
    this.#background = this.#background.then(async () => {
      if (this.#closed.signal.aborted) return;
      await work().catch((error: unknown) => {
        if (!this.#closed.signal.aborted) this.#options.onTrouble(error);
      });
    });
  }

  get #uid(): number {
    return this.#options.owner?.uid ?? process.getuid?.() ?? 0;
  }

  #rootOf(id: string): string {
    return join(this.#options.folder, id);
  }
}

/** How many paths differ; infinitely many where that cannot be said. */
async function countChanges(repository: WorkerRepository, from: string, to: string, signal: AbortSignal): Promise<number> {
  try {
    const args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", from, to];
    const { stdout } = await runGit(args, { gitDir: repository.jobsGit, signal, maxBuffer: CHANGES_LIMIT_BYTES });
    return stdout.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  } catch {
    signal.throwIfAborted();
    return Number.POSITIVE_INFINITY;
  }
}

/** Waits for another's work as long as one's own signal allows. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
