import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing } from "../bare-store.ts";
import { removeTree } from "../remove-tree.ts";
import type { UsedBase } from "./base-store.ts";
import { giveTo, type Owner } from "./build-base.ts";
import { type DiskRoom, type LayerDisk, mountDisk, roomOf } from "./layer-disk.ts";
import { mountOverlay, mountsBelow, unmountBelow } from "./mounts.ts";
import type { UsedSetupLayer } from "./setup-layers.ts";

/** What a workspace above a base keeps of its own, beside the workspace and out of the sandbox' sight. */
export interface LayerPaths {
  readonly root: string;
  /** Where the workspace's own disk is mounted, with `upper` and `work` on it; of one without a disk, nothing. */
  readonly disk: string;
  /** What the workspace has that the base does not. */
  readonly upper: string;
  readonly work: string;
  /** Names the base, so that a killed worker's next life knows who uses it. */
  readonly base: string;
  /** The same for the setup layer. */
  readonly setup: string;
}

function layerAt(root: string, hasDisk: boolean): LayerPaths {
  const disk = join(root, "disk");
  const home = hasDisk ? disk : root;
  return { root, disk, upper: join(home, "upper"), work: join(home, "work"), base: join(root, "base"), setup: join(root, "setup") };
}

/** Makes the layer's folders anew, empty, on a disk of their own where one is wanted. */
export async function makeLayer(root: string, disk: LayerDisk | undefined): Promise<LayerPaths> {
  await unmountBelow(root);
  await removeTree(root);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const layer = layerAt(root, disk !== undefined);
  if (disk) await mountDisk(disk, join(root, "image"), layer.disk);
  for (const path of [layer.upper, layer.work]) await mkdir(path, { mode: 0o700 });
  return layer;
}

/** What lies below a workspace's own layer. */
export interface LowerLayers {
  readonly base: UsedBase;
  readonly setup: UsedSetupLayer | undefined;
}

/** Shows what lies below and the layer above it at the workspace's folder, to sandboxes that run already too. WORKSPACE_FAILED. */
export async function mountLayer(layer: LayerPaths, { base, setup }: LowerLayers, bases: string, workspace: string, owner: Owner | undefined): Promise<void> {
  await giveTo(owner, [layer.upper]);
  const lower = [...(setup ? [setup.tree] : []), ...base.lower];
  await mountOverlay({ from: bases, lower, upper: layer.upper, work: layer.work, at: workspace, renames: true });
}

/** Writes down what the layer lies on: before it is mounted, as the next life of a killed worker must know who uses what. */
export async function writeLowerOf(layer: LayerPaths, { base, setup }: LowerLayers): Promise<void> {
  await writeFile(layer.base, base.id, { mode: 0o600 });
  if (setup) await writeFile(layer.setup, setup.id, { mode: 0o600 });
}

/** Id of the base that a layer lies on; undefined where it has none. */
export async function readBaseOf(root: string): Promise<string | undefined> {
  return await readFile(layerAt(root, false).base, "utf8").catch(ignoreMissing);
}

/** Id of the setup layer that a layer lies on; undefined where it has none. */
export async function readSetupOf(root: string): Promise<string | undefined> {
  return await readFile(layerAt(root, false).setup, "utf8").catch(ignoreMissing);
}

/** The folder with what a workspace above a base has of its own. */
export function upperOf(root: string, hasDisk: boolean): string {
  return layerAt(root, hasDisk).upper;
}

/** How full the workspace is; undefined for one without a disk of its own. */
export async function roomOfLayer(root: string): Promise<DiskRoom | undefined> {
  const { disk } = layerAt(root, true);
  return (await mountsBelow(disk)).length > 0 ? await roomOf(disk) : undefined;
}
