import { type Base, type BasePaths, baseSchema, FACTS, pathsAt } from "./base.ts";
import { Shelf, type ShelfOptions } from "./shelf.ts";

/** The bases that are on the disk, found by their tree. Who uses them is not known here. */
export class BaseShelf {
  readonly #shelf: Shelf<Base>;
  /** The flattest base of each tree. */
  readonly #byTree = new Map<string, string>();

  private constructor(shelf: Shelf<Base>) {
    this.#shelf = shelf;
    for (const base of shelf.all()) this.#put(base);
  }

  /** Opens the folder; what cannot be trusted goes, and what lies on it. */
  static async open(options: ShelfOptions): Promise<BaseShelf> {
    const shelf = new BaseShelf(await Shelf.open(options, { schema: baseSchema, facts: FACTS }));
    for (let lost = shelf.#withoutParent(); lost; lost = shelf.#withoutParent()) await shelf.remove(lost);
    return shelf;
  }

  get folder(): string {
    return this.#shelf.folder;
  }

  all(): Base[] {
    return this.#shelf.all();
  }

  has(id: string): boolean {
    return this.#shelf.get(id) !== undefined;
  }

  find(tree: string): Base | undefined {
    return this.#shelf.get(this.#byTree.get(tree) ?? "");
  }

  usedAtMs(id: string): number {
    return this.#shelf.usedAtMs(id);
  }

  pathsOf(id: string): BasePaths {
    return pathsAt(this.#shelf.rootOf(id));
  }

  /** The folders with its files, topmost first. */
  layersOf(base: Base): string[] {
    const below = base.parent === null ? undefined : this.#shelf.get(base.parent);
    return [this.pathsOf(base.id).tree, ...(below ? this.layersOf(below) : [])];
  }

  async add(base: Base, madeIn: string): Promise<void> {
    await this.#shelf.add(base, madeIn);
    this.#put(base);
  }

  touch(id: string): void {
    this.#shelf.touch(id);
  }

  async weigh(id: string, signal: AbortSignal): Promise<void> {
    await this.#shelf.weigh(id, signal);
  }

  async remove(base: Base): Promise<void> {
    if (this.#byTree.get(base.tree) === base.id) this.#byTree.delete(base.tree);
    await this.#shelf.remove(base.id);
  }

  async discard(root: string): Promise<void> {
    await this.#shelf.discard(root);
  }

  #put(base: Base): void {
    const other = this.find(base.tree);
    if (!other || other.depth > base.depth) this.#byTree.set(base.tree, base.id);
  }

  #withoutParent(): Base | undefined {
    return this.all().find(({ parent }) => parent !== null && !this.has(parent));
  }
}
