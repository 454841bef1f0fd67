import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { BaseStore } from "@slipway/git/bases/base-store";
import type { Owner } from "@slipway/git/bases/build-base";
import { unmountBelow } from "@slipway/git/bases/mounts";
import { probeWorkspaces } from "@slipway/git/bases/probe";
import { SetupLayers } from "@slipway/git/bases/setup-layers";
import { makeLayer, readBaseOf, readSetupOf } from "@slipway/git/bases/workspace-layer";
import type { SharedBases } from "@slipway/git/workspace";
import { SlipwayError } from "@slipway/protocol/errors";
import type { WorkspaceKind, WorkspaceSetting } from "@slipway/protocol/workspace-kind";
import type { Logger } from "pino";
import { BOOT_ID } from "../attempt/attempt-state.ts";
import type { AttemptSetupLayers } from "../attempt/context.ts";
import type { WorkerFolders } from "../daemon/folders.ts";
import { type Place, placeAt } from "../daemon/places.ts";
import { removeOwned } from "../daemon/remove-owned.ts";

/** Of whoever opens them. */
export interface WorkspaceOptions extends WorkspaceSettings {
  /** Whose the files are, where the agents are another user than the worker's. */
  readonly owner?: Owner | undefined;
}

export interface WorkspaceSettings {
  readonly setting: WorkspaceSetting;
  /** What one workspace may take of the disk; no limit where it is missing. */
  readonly limitBytes?: number | undefined;
}

/** How this worker makes its workspaces, and what they share. */
export class Workspaces implements AsyncDisposable {
  readonly kind: WorkspaceKind;
  readonly #folders: WorkerFolders;
  readonly #bases: BaseStore;
  readonly #setupLayers: SetupLayers;
  readonly #limitBytes: number | undefined;

  private constructor(kind: WorkspaceKind, folders: WorkerFolders, bases: BaseStore, setupLayers: SetupLayers, limitBytes: number | undefined) {
    this.kind = kind;
    this.#folders = folders;
    this.#bases = bases;
    this.#setupLayers = setupLayers;
    this.#limitBytes = limitBytes;
  }

  /** Tries what works here, and takes up what an earlier worker process left. INVALID_CONFIG where a kind is asked for that does not work. */
  static async open(folders: WorkerFolders, { setting, limitBytes, owner }: WorkspaceOptions, log: Logger): Promise<Workspaces> {
    const { kind, reasons } = await probeWorkspaces(folders.root, setting);
    if (limitBytes !== undefined) await requireDisks(folders, kind, limitBytes);
    log.info({ workspaces: kind, ...(Object.keys(reasons).length > 0 ? { reasons } : {}) }, "workspaces probed");
    const bases = await BaseStore.open({
      folder: folders.bases,
      layered: kind === "overlay",
      bootId: BOOT_ID,
      owner,
      onTrouble: (err) => log.warn({ err }, "something went wrong with a base of workspaces; jobs go on without it"),
      // What an earlier process made is nobody's any more where workspaces are checkouts of their own.
      limits: kind === "worktree" ? { idleMs: -1 } : {},
    });
    const setupLayers = await SetupLayers.open({
      folder: folders.setupLayers,
      bootId: BOOT_ID,
      owner,
      onTrouble: (err) => log.warn({ err }, "something went wrong with a setup layer; jobs go on without it"),
    });
    for (const id of await readdir(folders.sandboxes)) {
      const { layer } = placeAt(folders.sandboxes, id);
      const [base, setup] = await Promise.all([readBaseOf(layer), readSetupOf(layer)]);
      if (base !== undefined) bases.retain(layer, base);
      if (setup !== undefined) setupLayers.retain(layer, setup);
    }
    await Promise.all([bases.sweep(), setupLayers.sweep()]);
    return new Workspaces(kind, folders, bases, setupLayers, limitBytes);
  }

  /** What the workspace in this place is made of; undefined for a checkout of its own. */
  sharedBy(place: Place): SharedBases | undefined {
    if (this.kind === "worktree") return undefined;
    const disk = this.#limitBytes === undefined ? undefined : { bytes: this.#limitBytes, templates: this.#folders.disks };
    return { kind: this.kind, bases: this.#bases, layer: place.layer, disk };
  }

  /** The setup layers, for the attempt that has this place. */
  setupLayersOf({ layer }: Place): AttemptSetupLayers {
    const layers = this.#setupLayers;
    return {
      find: (keys) => layers.find(layer, keys),
      use: (request, signal) => layers.use(layer, request, signal),
      addKey: (id, key) => layers.addKey(id, key),
    };
  }

  /** Removes the bases and setup layers that nobody uses, where the disk is short of room. */
  async makeRoom(): Promise<void> {
    await this.#bases.sweep();
    await this.#setupLayers.sweep();
  }

  /** Removes a place with the workspace in it. Nothing may run there any more. */
  async removePlace(place: Place): Promise<void> {
    await removeOwned(place.root, this.#folders.sandboxes);
    this.#bases.release(place.layer);
    this.#setupLayers.release(place.layer);
  }

  /** After a start that failed: what an earlier process left may still be at work, and then stays mounted. */
  async giveUp(): Promise<void> {
    if ((await readdir(this.#folders.sandboxes)).length === 0) await this[Symbol.asyncDispose]();
    else await this.#endBackground();
  }

  /** Ends what goes on in the background, and unmounts all that is below the worker's own folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endBackground();
    await unmountBelow(this.#folders.root);
  }

  async #endBackground(): Promise<void> {
    await Promise.all([this.#bases[Symbol.asyncDispose](), this.#setupLayers[Symbol.asyncDispose]()]);
  }
}

/** A limit that was asked for and cannot be kept keeps the worker from starting. INVALID_CONFIG. */
async function requireDisks(folders: WorkerFolders, kind: WorkspaceKind, bytes: number): Promise<void> {
  const trial = join(folders.root, "trial-disk");
  const hint = "It needs workspaces of the kind overlay, and mkfs.ext4; or leave worker.workspaceLimit out.";
  try {
    if (kind !== "overlay") throw new Error(`workspaces here are made by ${kind}`);
    await makeLayer(trial, { bytes, templates: folders.disks });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SlipwayError("INVALID_CONFIG", `The limit of workspaces, ${bytes} bytes, cannot be kept: ${why}`, { hint }, { cause: error });
  } finally {
    await removeOwned(trial, folders.root);
  }
}
