import { readdir } from "node:fs/promises";
import { BaseStore } from "@slipway/git/bases/base-store";
import { unmountBelow } from "@slipway/git/bases/mounts";
import { probeWorkspaces } from "@slipway/git/bases/probe";
import { readBaseOf } from "@slipway/git/bases/workspace-layer";
import type { SharedBases } from "@slipway/git/workspace";
import type { WorkspaceKind, WorkspaceSetting } from "@slipway/protocol/workspace-kind";
import type { Logger } from "pino";
import { BOOT_ID } from "../attempt/attempt-state.ts";
import type { WorkerFolders } from "../daemon/folders.ts";
import { type Place, placeAt } from "../daemon/places.ts";
import { removeOwned } from "../daemon/remove-owned.ts";
import type { SandboxProvider } from "../sandbox/sandbox.ts";

/** How this worker makes its workspaces, and what they share. */
export class Workspaces implements AsyncDisposable {
  readonly kind: WorkspaceKind;
  readonly #folders: WorkerFolders;
  readonly #bases: BaseStore;

  private constructor(kind: WorkspaceKind, folders: WorkerFolders, bases: BaseStore) {
    this.kind = kind;
    this.#folders = folders;
    this.#bases = bases;
  }

  /** Tries what works here, and takes up what an earlier worker process left. INVALID_CONFIG where a kind is asked for that does not work. */
  static async open(folders: WorkerFolders, setting: WorkspaceSetting, owner: SandboxProvider["owner"], log: Logger): Promise<Workspaces> {
    const { kind, reasons } = await probeWorkspaces(folders.root, setting);
    log.info({ workspaces: kind, ...(Object.keys(reasons).length > 0 ? { reasons } : {}) }, "workspaces probed");
    const bases = await BaseStore.open({
      folder: folders.bases,
      layered: kind === "overlay",
      owner,
      bootId: BOOT_ID,
      onTrouble: (err) => log.warn({ err }, "something went wrong with a base of workspaces; jobs go on without it"),
      // What an earlier process made is nobody's any more where workspaces are checkouts of their own.
      limits: kind === "worktree" ? { idleMs: -1 } : {},
    });
    for (const id of await readdir(folders.sandboxes)) {
      const { layer } = placeAt(folders.sandboxes, id);
      const base = await readBaseOf(layer);
      if (base !== undefined) bases.retain(layer, base);
    }
    await bases.sweep();
    return new Workspaces(kind, folders, bases);
  }

  /** What the workspace in this place is made of; undefined for a checkout of its own. */
  sharedBy(place: Place): SharedBases | undefined {
    if (this.kind === "worktree") return undefined;
    return { kind: this.kind, bases: this.#bases, layer: place.layer };
  }

  /** Removes a place with the workspace in it. Nothing may run there any more. */
  async removePlace(place: Place): Promise<void> {
    await removeOwned(place.root, this.#folders.sandboxes);
    this.#bases.release(place.layer);
  }

  /** After a start that failed: what an earlier process left may still be at work, and then stays mounted. */
  async giveUp(): Promise<void> {
    if ((await readdir(this.#folders.sandboxes)).length === 0) await this[Symbol.asyncDispose]();
    else await this.#bases[Symbol.asyncDispose]();
  }

  /** Ends what goes on in the background, and unmounts all that is below the worker's own folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bases[Symbol.asyncDispose]();
    await unmountBelow(this.#folders.root);
  }
}
