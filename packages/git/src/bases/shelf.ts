import { mkdir, readdir, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { ignoreMissing } from "../bare-store.ts";
import { removeTree } from "../remove-tree.ts";
import { untilAborted } from "../together.ts";
import { readMounts, unmountBelow } from "./mounts.ts";

/** What is known of everything that a shelf keeps. */
export const shelvedSchema = z.object({
  id: z.string(),
  /** On the disk; 0 until it is weighed. */
  bytes: z.int(),
  /** Whose the files are. */
  uid: z.int(),
  /** Of the boot that it was made in: after a power cut one that was not synced may be broken. */
  bootId: z.string(),
  isSynced: z.boolean(),
});
export type Shelved = z.infer<typeof shelvedSchema>;

export interface ShelfOptions {
  /** Nobody else's. */
  readonly folder: string;
  /** Tells one start of the machine from the next. */
  readonly bootId: string;
  readonly uid: number;
  /** Hears of what goes wrong where nobody waits for it. */
  readonly onTrouble: (error: unknown) => void;
}

export interface ShelfKind<T extends Shelved> {
  readonly schema: z.ZodType<T>;
  /** Name of the file in each folder that says what it is. */
  readonly facts: string;
}

/** Folders of files that workspaces share, each under its id with a file that says what it is. Who uses them is not known here. */
export class Shelf<T extends Shelved> {
  readonly #options: ShelfOptions;
  readonly #kind: ShelfKind<T>;
  readonly #items = new Map<string, T>();
  readonly #usedAtMs = new Map<string, number>();

  private constructor(options: ShelfOptions, kind: ShelfKind<T>) {
    this.#options = options;
    this.#kind = kind;
  }

  /** Opens the folder; what was half made or half removed goes, what is another user's, and what a power cut may have broken. */
  static async open<T extends Shelved>(options: ShelfOptions, kind: ShelfKind<T>): Promise<Shelf<T>> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const shelf = new Shelf(options, kind);
    for (const name of await readdir(options.folder)) {
      const item = await shelf.#readWhole(name);
      if (item) shelf.#put(item, (await stat(shelf.#factsIn(shelf.rootOf(name)))).mtimeMs);
      else await shelf.discard(join(options.folder, name));
    }
    return shelf;
  }

  get folder(): string {
    return this.#options.folder;
  }

  all(): T[] {
    return [...this.#items.values()];
  }

  get(id: string): T | undefined {
    return this.#items.get(id);
  }

  usedAtMs(id: string): number {
    return this.#usedAtMs.get(id) ?? 0;
  }

  rootOf(id: string): string {
    return join(this.#options.folder, id);
  }

  /** Takes up what was made in another folder of this one. */
  async add(item: T, madeIn: string): Promise<void> {
    await this.#write(madeIn, item);
    await rename(madeIn, this.rootOf(item.id));
    this.#put(item, Date.now());
  }

  /** Says something else of what is there. */
  async change(item: T): Promise<void> {
    if (!this.#items.has(item.id)) return;
    this.#items.set(item.id, item);
    await this.#write(this.rootOf(item.id), item);
  }

  /** It is used now; the next process knows by its time how old it is. */
  touch(id: string): void {
    const now = new Date();
    this.#usedAtMs.set(id, now.getTime());
    utimes(this.#factsIn(this.rootOf(id)), now, now)
      .catch(ignoreMissing)
      .catch(this.#options.onTrouble);
  }

  /** Writes it out to the disk, so that it survives a power cut, and finds out what it takes there. A signal that aborts ends the wait. */
  async weigh(id: string, signal: AbortSignal): Promise<void> {
    const root = this.rootOf(id);
    if (!this.#items.has(id)) return;
    await untilAborted(execa("sync", process.platform === "linux" ? ["-f", root] : [], { stdin: "ignore" }), signal);
    const { stdout } = await untilAborted(execa("du", ["-s", "-k", root], { stdin: "ignore" }), signal);
    const item = this.#items.get(id);
    if (item) await this.change({ ...item, bytes: Number.parseInt(stdout, 10) * 1_024, isSynced: true });
  }

  /** In two steps: once renamed nobody finds it, however long the removal takes or wherever it is cut off. */
  async remove(id: string): Promise<void> {
    this.#items.delete(id);
    this.#usedAtMs.delete(id);
    const doomed = join(this.#options.folder, `removing-${id}`);
    await rename(this.rootOf(id), doomed);
    await this.discard(doomed);
  }

  /** Removes a folder of this one. Shown by a mount, it stays: whoever has that mount may still be at work. */
  async discard(root: string): Promise<void> {
    await unmountBelow(root);
    const id = root.slice(this.#options.folder.length + 1).replace(/^(making|removing)-/, "");
    if ((await shownLayers()).isShown(id)) return;
    await removeTree(root);
  }

  /** Undefined where there is nothing that can be read, or nothing that can be trusted: such a folder is not used. */
  async #readWhole(name: string): Promise<T | undefined> {
    const { bootId, uid } = this.#options;
    if (name.startsWith("making-") || name.startsWith("removing-")) return undefined;
    const text = await readFile(this.#factsIn(this.rootOf(name)), "utf8").catch(ignoreMissing);
    const item = text === undefined ? undefined : this.#parse(text);
    return item && item.id === name && item.uid === uid && (item.isSynced || item.bootId === bootId) ? item : undefined;
  }

  #parse(text: string): T | undefined {
    try {
      return this.#kind.schema.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  async #write(root: string, item: T): Promise<void> {
    await writeFile(this.#factsIn(root), JSON.stringify(item), { mode: 0o600 });
  }

  #put(item: T, usedAtMs: number): void {
    this.#items.set(item.id, item);
    this.#usedAtMs.set(item.id, usedAtMs);
  }

  #factsIn(root: string): string {
    return join(root, this.#kind.facts);
  }
}

/** Which of the folders some mount shows now, by its layers. */
export async function shownLayers(): Promise<{ isShown(id: string): boolean }> {
  const overlays = (await readMounts()).filter(({ type }) => type === "overlay").map(({ options }) => options);
  return { isShown: (id) => overlays.some((options) => options.includes(`${id}/`)) };
}
