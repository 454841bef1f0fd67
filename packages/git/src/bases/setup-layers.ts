import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { z } from "zod";
import { untilAborted } from "../together.ts";
import { giveTo, type Owner } from "./build-base.ts";
import { type RoomLimits, wantsRoom } from "./room.ts";
import { Shelf, type ShelfOptions, shelvedSchema, shownLayers } from "./shelf.ts";

const FACTS = "layer.json";

const setupLayerSchema = shelvedSchema.extend({
  /** What it is found by: each says all that its content depends on. */
  keys: z.array(z.string()).min(1),
  /** The commit that the setup ran on. */
  commit: z.string(),
  /** Number of the job that had it made. */
  job: z.int(),
});

/** What a setup made of a clean checkout, its declared outputs and nothing else. On disk `<id>/`: `layer.json` and `tree/`, with the paths of a workspace. */
export type SetupLayer = z.infer<typeof setupLayerSchema>;

/** A setup layer as its user sees it. */
export interface UsedSetupLayer extends Pick<SetupLayer, "id" | "commit" | "job" | "keys"> {
  readonly tree: string;
}

export interface SetupLayersOptions extends Omit<ShelfOptions, "uid"> {
  /** Whose the files are, where the agents are not this process' user. */
  readonly owner?: Owner | undefined;
  readonly limits?: Partial<SetupLayerLimits>;
}

export interface SetupLayerLimits extends RoomLimits {
  /** A layer that nobody used for so long goes, in ms. */
  readonly idleMs: number;
}

export const SETUP_LAYER_LIMITS: SetupLayerLimits = { totalBytes: 20 * 1024 ** 3, minFreeBytes: 2 * 1024 ** 3, idleMs: 7 * 86_400_000 };

/** What is to be made, where it is not there. */
export interface SetupLayerRequest {
  readonly key: string;
  readonly commit: string;
  readonly job: number;
  /** Fills a folder that is there and empty. */
  readonly make: (tree: string) => Promise<void>;
  /** Called with the number of the other job whose making is waited for. */
  readonly onWait: (job: number) => Promise<void>;
}

interface Building {
  readonly job: number;
  readonly done: Promise<void>;
}

/** What says that a setup does not work, whoever runs it: nobody who waits for it tries again. */
const FAILS_FOR_ALL: ReadonlySet<string> = new Set(["SETUP_FAILED", "INVALID_CONFIG"]);

/** The setup layers of a worker: made by one job however many ask at the same time, and kept for the next ones; counted by their users like bases. */
export class SetupLayers implements AsyncDisposable {
  readonly #options: SetupLayersOptions;
  readonly #limits: SetupLayerLimits;
  readonly #shelf: Shelf<SetupLayer>;
  readonly #byKey = new Map<string, string>();
  /** The layer of each user. */
  readonly #users = new Map<string, string>();
  readonly #building = new Map<string, Building>();
  readonly #closed = new AbortController();
  #background: Promise<void> = Promise.resolve();

  private constructor(options: SetupLayersOptions, shelf: Shelf<SetupLayer>) {
    this.#options = options;
    this.#limits = { ...SETUP_LAYER_LIMITS, ...options.limits };
    this.#shelf = shelf;
    for (const layer of shelf.all()) this.#know(layer);
  }

  /** Opens the folder; what was half made or half removed goes, and what a power cut may have broken. */
  static async open(options: SetupLayersOptions): Promise<SetupLayers> {
    return new SetupLayers(options, await Shelf.open({ ...options, uid: uidOf(options) }, { schema: setupLayerSchema, facts: FACTS }));
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
    if (this.#shelf.get(id)) this.#shelf.touch(id);
    this.#later(() => this.sweep());
  }

  /** The layer of the first of some keys that has one, for a user, who has it until `release`. */
  find(user: string, keys: readonly string[]): UsedSetupLayer | undefined {
    for (const key of keys) {
      const layer = this.#shelf.get(this.#byKey.get(key) ?? "");
      if (layer) return this.#give(user, layer);
    }
    return undefined;
  }

  /**
   * The layer of a key for a user, made if it is not there; where another user is making it, waits for that. The failure of a setup is that of all who wait;
   * where its maker went away for another reason, the next one makes it. What `make` throws, DISK_FULL, or the signal's reason.
   */
  async use(user: string, request: SetupLayerRequest, signal: AbortSignal): Promise<UsedSetupLayer> {
    for (;;) {
      signal.throwIfAborted();
      const kept = this.find(user, [request.key]);
      if (kept) return kept;
      const building = this.#building.get(request.key);
      if (!building) return this.#give(user, await this.#build(request));
      await request.onWait(building.job);
      try {
        await untilAborted(building.done, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SlipwayError && FAILS_FOR_ALL.has(error.code)) throw error;
      }
    }
  }

  /** From here on a layer is found by this key too. */
  async addKey(id: string, key: string): Promise<void> {
    const layer = this.#shelf.get(id);
    if (!layer || layer.keys.includes(key)) return;
    const known = { ...layer, keys: [...layer.keys, key] };
    await this.#shelf.change(known);
    this.#know(known);
  }

  /** Removes what nobody uses and is old, or for which there is no room. */
  async sweep(): Promise<void> {
    const { isShown } = await shownLayers();
    const used = new Set(this.#users.values());
    const idle = this.#shelf
      .all()
      .filter(({ id }) => !used.has(id) && !isShown(id))
      .toSorted((a, b) => this.#shelf.usedAtMs(a.id) - this.#shelf.usedAtMs(b.id));
    for (const layer of idle) {
      const isOver = Date.now() - this.#shelf.usedAtMs(layer.id) > this.#limits.idleMs;
      if (!isOver && !(await wantsRoom(this.#shelf.folder, this.#shelf.all(), this.#limits))) return;
      // It may have found a user while the disk was looked at.
      if ([...this.#users.values()].includes(layer.id)) continue;
      for (const key of layer.keys) if (this.#byKey.get(key) === layer.id) this.#byKey.delete(key);
      await this.#shelf.remove(layer.id);
    }
  }

  /** What there is, for people and tests. */
  list(): ReadonlyArray<SetupLayer & { readonly users: number }> {
    const users = [...this.#users.values()];
    return this.#shelf.all().map((layer) => ({ ...layer, users: users.filter((id) => id === layer.id).length }));
  }

  /** Ends what goes on in the background. Layers stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new SlipwayError("WORKER_STOPPED"));
    await this.#background;
  }

  #build(request: SetupLayerRequest): Promise<SetupLayer> {
    const made = this.#make(request).finally(() => this.#building.delete(request.key));
    const done = made.then(() => undefined);
    // Whoever waits hears of it; nobody may.
    done.catch(() => undefined);
    this.#building.set(request.key, { job: request.job, done });
    return made;
  }

  async #make({ key, commit, job, make }: SetupLayerRequest): Promise<SetupLayer> {
    const { owner, bootId } = this.#options;
    if (await wantsRoom(this.#shelf.folder, this.#shelf.all(), this.#limits)) await this.sweep();
    const id = randomBytes(6).toString("hex");
    const root = join(this.#shelf.folder, `making-${id}`);
    try {
      await mkdir(treeIn(root), { recursive: true, mode: 0o700 });
      await giveTo(owner, [treeIn(root)]);
      await make(treeIn(root));
      const layer = { id, keys: [key], commit, job, bytes: 0, uid: uidOf(this.#options), bootId, isSynced: false };
      await this.#shelf.add(layer, root);
      this.#know(layer);
      this.#later(() => this.#shelf.weigh(id, this.#closed.signal));
      return layer;
    } catch (error) {
      await this.#shelf.discard(root);
      throw toSlipwayError(error, "WORKSPACE_FAILED");
    }
  }

  #give(user: string, layer: SetupLayer): UsedSetupLayer {
    this.#users.set(user, layer.id);
    this.#shelf.touch(layer.id);
    const { id, commit, job, keys } = layer;
    return { id, commit, job, keys, tree: treeIn(this.#shelf.rootOf(id)) };
  }

  #know({ id, keys }: SetupLayer): void {
    for (const key of keys) this.#byKey.set(key, id);
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

function treeIn(root: string): string {
  return join(root, "tree");
}

function uidOf({ owner }: SetupLayersOptions): number {
  return owner?.uid ?? process.getuid?.() ?? 0;
}
