import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type BaseLimits, BaseStore } from "@slipway/git/bases/base-store";
import type { Owner } from "@slipway/git/bases/build-base";
import { unmountBelow } from "@slipway/git/bases/mounts";
import { probeWorkspaces } from "@slipway/git/bases/probe";
import { removeTree } from "@slipway/git/remove-tree";
import { openWorkerRepository, type WorkerRepository } from "@slipway/git/repository";
import { type AddedWorkspace, addWorkspace, removeWorkspace } from "@slipway/git/workspace";
import type { WorkspaceKind } from "@slipway/protocol/workspace-kind";
import { mountXfs, whyNoXfs } from "../support/loop-disk.ts";
import { whyNoMount } from "../support/small-disk.ts";
import { accessOf, atEnd, type Bench, never } from "./fixture.ts";

const reasons: Readonly<Record<WorkspaceKind, string | undefined>> = { overlay: whyNoMount(), reflink: whyNoXfs(), worktree: undefined };
for (const [kind, reason] of Object.entries(reasons)) if (reason) console.warn(`left out: tests of workspaces of the kind ${kind}: ${reason}`);

/** The kinds that can be tried on this machine. */
export const KINDS_HERE = (Object.keys(reasons) as WorkspaceKind[]).filter((kind) => reasons[kind] === undefined);

/** A worker's folder with stores, bases and workspaces of one kind. */
export interface Shelf {
  readonly kind: WorkspaceKind;
  readonly data: string;
  readonly repository: WorkerRepository;
  readonly bases: BaseStore;
  /** Opens the folder's bases again, as the next process would. */
  reopen(options?: { limits?: Partial<BaseLimits>; bootId?: string }): Promise<BaseStore>;
  add(name: string, oid: string, options?: { withJobObjects?: boolean; signal?: AbortSignal }): Promise<AddedWorkspace & { workspace: string }>;
  remove(name: string): Promise<void>;
  layerOf(name: string): string;
  readonly troubles: unknown[];
}

/** Everything is gone at the end of the test, mounts first. */
export async function openShelf(bench: Bench, kind: WorkspaceKind, limits: Partial<BaseLimits> = {}, owner?: Owner): Promise<Shelf> {
  const data = join(bench.dir, `data-${kind}`);
  await mkdir(data);
  if (kind === "reflink") atEnd(await mountXfs(data));
  atEnd(() => unmountBelow(join(data, "worker")));
  const root = join(data, "worker");
  await mkdir(root);
  expectKind((await probeWorkspaces(root, kind)).kind, kind);
  const repository = await openWorkerRepository(join(root, "repository"), accessOf(bench, null), never);
  const troubles: unknown[] = [];
  const options = {
    folder: join(root, "bases"),
    layered: kind === "overlay",
    owner,
    bootId: "this boot",
    onTrouble: (error: unknown) => void troubles.push(error),
  };
  let bases = await BaseStore.open({ ...options, limits: { minFreeBytes: 0, ...limits } });
  atEnd(() => bases[Symbol.asyncDispose]());
  const placeOf = (name: string): string => join(root, "places", name);
  const layerOf = (name: string): string => join(placeOf(name), "layer");
  return {
    kind,
    data,
    repository,
    troubles,
    layerOf,
    get bases() {
      return bases;
    },
    async reopen(changed = {}) {
      await bases[Symbol.asyncDispose]();
      bases = await BaseStore.open({ ...options, ...changed, limits: { minFreeBytes: 0, ...limits, ...changed.limits } });
      return bases;
    },
    async add(name, oid, { withJobObjects = false, signal } = {}) {
      const workspace = join(placeOf(name), "workspace");
      await mkdir(workspace, { recursive: true, mode: 0o700 });
      const shared = kind === "worktree" ? undefined : { kind, bases, layer: layerOf(name) };
      return { ...(await addWorkspace(repository, { workspace, baseOid: oid, withJobObjects, branchName: "slipway/work", shared, signal })), workspace };
    },
    async remove(name) {
      await removeWorkspace(repository, join(placeOf(name), "workspace"));
      await removeTree(placeOf(name));
      bases.release(layerOf(name));
    },
  };
}

function expectKind(is: WorkspaceKind, asked: WorkspaceKind): void {
  if (is !== asked) throw new Error(`a workspace of the kind ${asked} was asked for, and there are only ${is}`);
}
