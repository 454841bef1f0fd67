import { mkdir, readdir, rename, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { ignoreMissing } from "../bare-store.ts";
import { removeTree } from "../remove-tree.ts";
import { untilAborted } from "../together.ts";
import { type Base, type BasePaths, pathsAt, readBase, writeBase } from "./base.ts";
import { readMounts, unmountBelow } from "./mounts.ts";

export interface ShelfOptions {
  readonly folder: string;
  /** Tells one start of the machine from the next. */
  readonly bootId: string;
  readonly uid: number;
  /** Hears of what goes wrong where nobody waits for it. */
  readonly onTrouble: (error: unknown) => void;
}

/** The bases that are on the disk: each in a folder of its name, found by its tree. Who uses them is not known here. */
export class BaseShelf {
  readonly #options: ShelfOptions;
  readonly #bases = new Map<string, Base>();
  /** The flattest base of each tree. */
  readonly #byTree = new Map<string, string>();
  readonly #usedAtMs = new Map<string, number>();

  private constructor(options: ShelfOptions) {
    this.#options = options;
  }

  /** Opens the folder; what was half made or half removed goes, what is another user's, and what a power cut may have broken. */
  static async open(options: ShelfOptions): Promise<BaseShelf> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const shelf = new BaseShelf(options);
    for (const name of await readdir(options.folder)) {
      const base = await shelf.#readWhole(name);
      if (base) shelf.#put(base, (await stat(shelf.pathsOf(name).facts)).mtimeMs);
      else await shelf.discard(join(options.folder, name));
    }
    for (let lost = shelf.#withoutParent(); lost; lost = shelf.#withoutParent()) await shelf.remove(lost);
    return shelf;
  }

  get folder(): string {
    return this.#options.folder;
  }

  all(): Base[] {
    return [...this.#bases.values()];
  }

  has(id: string): boolean {
    return this.#bases.has(id);
  }

  find(tree: string): Base | undefined {
    return this.#bases.get(this.#byTree.get(tree) ?? "");
  }

  usedAtMs(id: string): number {
    return this.#usedAtMs.get(id) ?? 0;
  }

  pathsOf(id: string): BasePaths {
    return pathsAt(join(this.#options.folder, id));
  }

  /** The folders with its files, topmost first. */
  layersOf(base: Base): string[] {
    const below = base.parent === null ? undefined : this.#bases.get(base.parent);
    return [this.pathsOf(base.id).tree, ...(below ? this.layersOf(below) : [])];
  }

  /** Takes up a base that was made in another folder of this one. */
  async add(base: Base, madeIn: string): Promise<void> {
    await writeBase(madeIn, base);
    await rename(madeIn, this.pathsOf(base.id).root);
    this.#put(base, Date.now());
  }

  /** It is used now; the next process knows by its time how old it is. */
  touch(id: string): void {
    const now = new Date();
    this.#usedAtMs.set(id, now.getTime());
    utimes(this.pathsOf(id).facts, now, now).catch(ignoreMissing).catch(this.#options.onTrouble);
  }

  /** Writes it out to the disk, so that it survives a power cut, and finds out what it takes there. A signal that aborts ends the wait. */
  async weigh(id: string, signal: AbortSignal): Promise<void> {
    const { root } = this.pathsOf(id);
    if (!this.#bases.has(id)) return;
    await untilAborted(execa("sync", process.platform === "linux" ? ["-f", root] : [], { stdin: "ignore" }), signal);
    const { stdout } = await untilAborted(execa("du", ["-s", "-k", root], { stdin: "ignore" }), signal);
    const base = this.#bases.get(id);
    if (!base) return;
    const weighed = { ...base, bytes: Number.parseInt(stdout, 10) * 1_024, isSynced: true };
    this.#bases.set(id, weighed);
    await writeBase(root, weighed);
  }

  /** In two steps: once renamed nobody finds it, however long the removal takes or wherever it is cut off. */
  async remove(base: Base): Promise<void> {
    this.#bases.delete(base.id);
    this.#usedAtMs.delete(base.id);
    if (this.#byTree.get(base.tree) === base.id) this.#byTree.delete(base.tree);
    const doomed = join(this.#options.folder, `removing-${base.id}`);
    await rename(this.pathsOf(base.id).root, doomed);
    await this.discard(doomed);
  }

  /** Removes a folder of this one. Shown by a mount, it stays: whoever has that mount may still be at work. */
  async discard(root: string): Promise<void> {
    await unmountBelow(root);
    const id = root.slice(this.#options.folder.length + 1).replace(/^(making|removing)-/, "");
    if ((await shownBases()).isShown(id)) return;
    await removeTree(root);
  }

  async #readWhole(name: string): Promise<Base | undefined> {
    const { bootId, uid } = this.#options;
    if (name.startsWith("making-") || name.startsWith("removing-")) return undefined;
    const base = await readBase(this.pathsOf(name).root);
    return base && base.id === name && base.uid === uid && (base.isSynced || base.bootId === bootId) ? base : undefined;
  }

  #put(base: Base, usedAtMs: number): void {
    this.#bases.set(base.id, base);
    this.#usedAtMs.set(base.id, usedAtMs);
    const other = this.find(base.tree);
    if (!other || other.depth > base.depth) this.#byTree.set(base.tree, base.id);
  }

  #withoutParent(): Base | undefined {
    return this.all().find(({ parent }) => parent !== null && !this.#bases.has(parent));
  }
}

/** Which bases some mount shows now, by its layers. */
export async function shownBases(): Promise<{ isShown(id: string): boolean }> {
  const overlays = (await readMounts()).filter(({ type }) => type === "overlay").map(({ options }) => options);
  return { isShown: (id) => overlays.some((options) => options.includes(`${id}/`)) };
}
