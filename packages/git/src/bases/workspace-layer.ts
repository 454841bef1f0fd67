import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing } from "../bare-store.ts";
import { removeTree } from "../remove-tree.ts";
import type { UsedBase } from "./base-store.ts";
import { giveTo, type Owner } from "./build-base.ts";
import { mountOverlay, unmountBelow } from "./mounts.ts";

/** What a workspace above a base keeps of its own, beside the workspace and out of the sandbox' sight. */
export interface LayerPaths {
  readonly root: string;
  /** What the workspace has that the base does not. */
  readonly upper: string;
  readonly work: string;
  /** Names the base, so that a killed worker's next life knows who uses it. */
  readonly base: string;
}

export function layerAt(root: string): LayerPaths {
  return { root, upper: join(root, "upper"), work: join(root, "work"), base: join(root, "base") };
}

/** Makes the layer's folders anew, empty. */
export async function makeLayer(root: string): Promise<LayerPaths> {
  await unmountBelow(root);
  await removeTree(root);
  const layer = layerAt(root);
  for (const path of [root, layer.upper, layer.work]) await mkdir(path, { recursive: true, mode: 0o700 });
  return layer;
}

/** Shows the base and the layer above it at the workspace's folder, to sandboxes that run already too. WORKSPACE_FAILED. */
export async function mountLayer(layer: LayerPaths, base: UsedBase, bases: string, workspace: string, owner: Owner | undefined): Promise<void> {
  await giveTo(owner, [layer.upper]);
  await mountOverlay({ from: bases, lower: base.lower, upper: layer.upper, work: layer.work, at: workspace, renames: true });
}

export async function writeBaseOf(layer: LayerPaths, id: string): Promise<void> {
  await writeFile(layer.base, id, { mode: 0o600 });
}

/** Id of the base that a layer lies on; undefined where it has none. */
export async function readBaseOf(root: string): Promise<string | undefined> {
  return await readFile(layerAt(root).base, "utf8").catch(ignoreMissing);
}
