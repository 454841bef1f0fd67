import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { gitText } from "../exec.ts";
import type { WorkerRepository } from "../repository.ts";
import { untilAborted } from "../together.ts";
import type { Base } from "./base.ts";
import { BaseShelf } from "./base-shelf.ts";
import { type BuildOptions, buildDelta, buildWhole, type Owner } from "./build-base.ts";
import { nearestBase } from "./nearest-base.ts";
import { type RoomLimits, wantsRoom } from "./room.ts";
import { shownLayers } from "./shelf.ts";

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

export interface BaseLimits extends RoomLimits {
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
  readonly #shelf: BaseShelf;
  /** The base of each user. */
  readonly #users = new Map<string, string>();
  readonly #building = new Map<string, Building>();
  /** The trees of commits. */
  readonly #trees = new Map<string, string>();
  readonly #closed = new AbortController();
  #background: Promise<void> = Promise.resolve();
  #isFlattening = false;

  private constructor(options: BaseStoreOptions, shelf: BaseShelf) {
    this.#options = options;
    this.#limits = { ...BASE_LIMITS, ...options.limits };
    this.#shelf = shelf;
  }

  /** Opens the folder; what was half made or half removed goes, and what a power cut may have broken. */
  static async open(options: BaseStoreOptions): Promise<BaseStore> {
    return new BaseStore(options, await BaseShelf.open({ ...options, uid: uidOf(options) }));
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
    this.#shelf.touch(id);
    this.#later(() => this.sweep());
  }

  /** The base of a commit for a user, made if it is not there. `user` has it until `release`. WORKSPACE_FAILED, DISK_FULL, the signal's reason. */
  async use(user: string, request: BaseRequest, signal: AbortSignal): Promise<UsedBase> {
    const tree = await this.#treeOf(request, signal);
    const kept = this.#shelf.find(tree);
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
    const { isShown } = await shownLayers();
    const idle = (): Base[] => {
      const free = this.#shelf.all().filter((base) => !this.#isNeeded(base) && !isShown(base.id));
      return free.toSorted((a, b) => this.#shelf.usedAtMs(a.id) - this.#shelf.usedAtMs(b.id));
    };
    const isOver = (base: Base): boolean => this.#shelf.find(base.tree)?.id !== base.id || Date.now() - this.#shelf.usedAtMs(base.id) > this.#limits.idleMs;
    // One that goes may have been what kept the one below it.
    for (let next = idle().find(isOver); next; next = idle().find(isOver)) await this.#shelf.remove(next);
    while (await this.#wantsRoom()) {
      const [oldest] = idle();
      if (!oldest) return;
      await this.#shelf.remove(oldest);
    }
  }

  /** What there is, for people and tests. */
  list(): ReadonlyArray<Base & { readonly users: number }> {
    const users = [...this.#users.values()];
    return this.#shelf.all().map((base) => ({ ...base, users: users.filter((id) => id === base.id).length }));
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

  #give(user: string, base: Base, how: UsedBase["how"]): UsedBase {
    this.#users.set(user, base.id);
    this.#shelf.touch(base.id);
    const paths = this.#shelf.pathsOf(base.id);
    return { id: base.id, lower: [paths.git, ...this.#shelf.layersOf(base)], tree: paths.tree, index: paths.index, how };
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
    const base = (parent && (await this.#makeDelta(tree, repository, parent, signal))) ?? (await this.#makeWhole(tree, repository, signal));
    if (base.depth >= this.#limits.flattenDepth) this.#flattenLater(base, repository);
    return base;
  }

  async #makeWhole(tree: string, repository: WorkerRepository, signal: AbortSignal): Promise<Base> {
    return await this.#makeOne(tree, repository, null, signal, (options) => buildWhole(repository, options));
  }

  /** Undefined where it cannot be done, such as where the older tree's objects are gone: one with all files is slower, and just as good. */
  async #makeDelta(tree: string, repository: WorkerRepository, parent: Base, signal: AbortSignal): Promise<Base | undefined> {
    const below = { from: this.folder, tree: parent.tree, index: this.#shelf.pathsOf(parent.id).index, layers: this.#shelf.layersOf(parent) };
    // A user of its own keeps the one below from being removed meanwhile.
    const reader = `making ${randomBytes(6).toString("hex")}`;
    this.#users.set(reader, parent.id);
    try {
      return await this.#makeOne(tree, repository, parent, signal, (options) => buildDelta(repository, below, options));
    } catch (error) {
      signal.throwIfAborted();
      if (toSlipwayError(error).code === "DISK_FULL") throw error;
      this.#options.onTrouble(error);
      return undefined;
    } finally {
      this.#users.delete(reader);
    }
  }

  async #makeOne(
    tree: string,
    repository: WorkerRepository,
    parent: Base | null,
    signal: AbortSignal,
    build: (options: BuildOptions) => Promise<number>,
  ): Promise<Base> {
    const { owner, bootId } = this.#options;
    const id = randomBytes(6).toString("hex");
    const root = join(this.folder, `making-${id}`);
    try {
      const files = await build({ root, tree, owner, signal });
      const made = { id, tree, repository: repository.dir, files, bytes: 0, uid: uidOf(this.#options), bootId, isSynced: false };
      const base = { ...made, parent: parent?.id ?? null, depth: parent === null ? 0 : parent.depth + 1 };
      await this.#shelf.add(base, root);
      this.#later(() => this.#shelf.weigh(id, this.#closed.signal));
      return base;
    } catch (error) {
      await this.#shelf.discard(root);
      throw toSlipwayError(error, "WORKSPACE_FAILED");
    }
  }

  /** The one of the bases used last that differs least, where that is little enough for a layer. */
  async #nearest(tree: string, repository: WorkerRepository, signal: AbortSignal): Promise<Base | undefined> {
    if (!this.#options.layered) return undefined;
    const isCandidate = (base: Base): boolean =>
      base.repository === repository.dir &&
      base.files >= this.#limits.deltaFromFiles &&
      base.depth < MOST_LAYERS &&
      this.#shelf.find(base.tree)?.id === base.id;
    const newest = this.#shelf
      .all()
      .filter(isCandidate)
      .toSorted((a, b) => this.#shelf.usedAtMs(b.id) - this.#shelf.usedAtMs(a.id));
    const nearest = await nearestBase(repository, tree, newest.slice(0, COMPARED), signal);
    // It may have been removed meanwhile.
    return nearest && this.#shelf.has(nearest.id) ? nearest : undefined;
  }

  /** Beside the deep one, which serves until this one is there. One at a time: what comes meanwhile is deeper, and the next one flattens that. */
  #flattenLater(base: Base, repository: WorkerRepository): void {
    if (this.#isFlattening) return;
    this.#isFlattening = true;
    this.#later(async () => {
      try {
        await this.#makeWhole(base.tree, repository, this.#closed.signal);
      } finally {
        this.#isFlattening = false;
      }
      await this.sweep();
    });
  }

  #isNeeded(base: Base): boolean {
    if (this.#building.has(base.tree)) return true;
    return [...this.#users.values()].includes(base.id) || this.#shelf.all().some(({ parent }) => parent === base.id);
  }

  async #wantsRoom(): Promise<boolean> {
    return await wantsRoom(this.folder, this.#shelf.all(), this.#limits);
  }

  #later(work: () => Promise<void>): void {
    this.#background = this.#background.then(async () => {
      if (this.#closed.signal.aborted) return;
      await work().catch((error: unknown) => {
        if (!this.#closed.signal.aborted) this.#options.onTrouble(error);
      });
    });
  }
}

function uidOf({ owner }: BaseStoreOptions): number {
  return owner?.uid ?? process.getuid?.() ?? 0;
}
