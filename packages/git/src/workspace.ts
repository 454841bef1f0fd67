import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { alternatesVariable, ignoreMissing } from "./bare-store.ts";
import type { BaseStore, UsedBase } from "./bases/base-store.ts";
import { giveTo, refreshIndex } from "./bases/build-base.ts";
import type { LayerDisk } from "./bases/layer-disk.ts";
import { unmountBelow } from "./bases/mounts.ts";
import { copyInto, copySharing } from "./bases/reflink.ts";
import type { UsedSetupLayer } from "./bases/setup-layers.ts";
import { makeLayer, mountLayer, writeLowerOf } from "./bases/workspace-layer.ts";
import { runGit } from "./exec.ts";
import { withLock } from "./lock.ts";
import { copyIndex, makePrivateGitDir } from "./private-git-dir.ts";
import { removeTree } from "./remove-tree.ts";
import type { WorkerRepository } from "./repository.ts";
import { together } from "./together.ts";

export interface AddWorkspace {
  /** An empty folder that exists. */
  readonly workspace: string;
  readonly baseOid: string;
  /** Gives the agent's side the objects that only jobs.git has: for verification, where the tree to check is a job's. */
  readonly withJobObjects: boolean;
  /** The branch that the agent finds itself on. */
  readonly branchName: string;
  /** Makes it of a base that is shared with others, instead of by a checkout of its own. */
  readonly shared?: SharedBases | undefined;
  /** What a setup made of this commit, or of one like it: it is in the workspace then. */
  readonly setup?: UsedSetupLayer | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SharedBases {
  /** `overlay`: mounted above the base; `reflink`: copied from it. */
  readonly kind: "overlay" | "reflink";
  readonly bases: BaseStore;
  /** Folder for what the workspace keeps of its own, on the same mount as workspace and bases and in no sandbox' sight. Its path names the base's user. */
  readonly layer: string;
  /** Bounds what the workspace may take; for `overlay` alone. */
  readonly disk?: LayerDisk | undefined;
}

/** `base`: how the base came about; undefined for a checkout of its own. */
export interface AddedWorkspace {
  readonly indexPath: string;
  readonly base?: UsedBase["how"];
}

/**
 * Makes a workspace: the checkout of a linked worktree of upstream.git that has a private git directory in place of its `.git` file, so that nothing of
 * ours is in the agent's reach. `indexPath` is the untouched index of the base. Submodules stay empty, LFS pointers stay pointers. WORKSPACE_FAILED or
 * DISK_FULL, or the signal's reason.
 */
export async function addWorkspace(repository: WorkerRepository, options: AddWorkspace): Promise<AddedWorkspace> {
  const { workspace, shared } = options;
  try {
    if ((await readdir(workspace)).length > 0) throw new SlipwayError("WORKSPACE_FAILED", "The folder for the workspace is not empty.", { workspace });
    // What a killed worker left under the same path.
    await forgetWorkspace(repository, workspace);
    const metadata = await makeMetadata(repository, options);
    const indexPath = join(metadata, "index");
    try {
      if (shared) return { indexPath, base: await (shared.kind === "overlay" ? showBase : copyBase)(repository, options, shared, metadata) };
      await together(
        options.signal,
        (signal) => checkOut(repository, options, metadata, signal),
        (signal) => makePrivateGitDir(repository, options, signal),
      );
      await copyIndex(indexPath, join(workspace, ".git/index"));
      await copySetup(options);
    } catch (error) {
      await rm(metadata, { recursive: true, force: true });
      throw error;
    }
    return { indexPath };
  } catch (error) {
    throw toSlipwayError(error, "WORKSPACE_FAILED");
  }
}

/** The base itself, with a layer above it that takes what changes: its size does not matter. */
async function showBase(
  repository: WorkerRepository,
  options: AddWorkspace,
  { bases, layer: root, disk }: SharedBases,
  metadata: string,
): Promise<UsedBase["how"]> {
  try {
    const layer = await makeLayer(root, disk);
    const [base] = await together(
      options.signal,
      (signal) => bases.use(root, { repository, oid: options.baseOid, withJobObjects: options.withJobObjects }, signal),
      (signal) => makePrivateGitDir(repository, { ...options, workspace: layer.upper }, signal),
    );
    const lower = { base, setup: options.setup };
    await writeLowerOf(layer, lower);
    await link(base.index, join(metadata, "index"));
    await mountLayer(layer, lower, bases.folder, options.workspace, bases.owner);
    return base.how;
  } catch (error) {
    for (const path of [options.workspace, root]) await unmountBelow(path);
    bases.release(root);
    throw error;
  }
}

async function copyBase(repository: WorkerRepository, options: AddWorkspace, { bases, layer: root }: SharedBases, metadata: string): Promise<UsedBase["how"]> {
  const { workspace } = options;
  try {
    const [base] = await together(
      options.signal,
      async (signal) => {
        const used = await bases.use(root, { repository, oid: options.baseOid, withJobObjects: options.withJobObjects }, signal);
        await copySharing(used.tree, workspace, signal);
        await copyIndex(used.index, join(metadata, "index"));
        await refreshIndex(repository, { index: join(metadata, "index"), worktree: workspace }, signal);
        return used;
      },
      (signal) => makePrivateGitDir(repository, options, signal),
    );
    await copyIndex(join(metadata, "index"), join(workspace, ".git/index"));
    await giveTo(bases.owner, [join(workspace, ".git")]);
    await copySetup(options);
    return base.how;
  } finally {
    // A copy needs its base no longer.
    bases.release(root);
  }
}

async function copySetup({ setup, workspace, signal }: AddWorkspace): Promise<void> {
  if (setup) await copyInto(setup.tree, workspace, signal);
}

/** What `git worktree add --detach --lock --no-checkout` writes of its own (gitrepository-layout(5)), without its process: 6 ms, and a name nobody else picks. */
async function makeMetadata(repository: WorkerRepository, { workspace, baseOid }: AddWorkspace): Promise<string> {
  const metadata = join(repository.upstreamGit, "worktrees", randomUUID());
  await mkdir(metadata, { recursive: true, mode: 0o700 });
  await Promise.all([
    writeFile(join(metadata, "HEAD"), `${baseOid}\n`),
    writeFile(join(metadata, "commondir"), "../..\n"),
    writeFile(join(metadata, "gitdir"), `${join(workspace, ".git")}\n`),
    writeFile(join(metadata, "locked"), "a workspace of Slipway\n"),
  ]);
  return metadata;
}

/** Needs no lock: nothing that the agent can write is there yet. */
async function checkOut(repository: WorkerRepository, options: AddWorkspace, metadata: string, signal: AbortSignal): Promise<void> {
  const { workspace, baseOid, withJobObjects } = options;
  const borrowed = withJobObjects ? { GIT_ALTERNATE_OBJECT_DIRECTORIES: alternatesVariable(join(repository.jobsGit, "objects")) } : {};
  await runGit(["read-tree", "-u", "--reset", baseOid], {
    gitDir: metadata,
    cwd: workspace,
    env: { ...borrowed, GIT_WORK_TREE: workspace },
    // A worker a core; below the threshold starting them costs more than it saves.
    config: [
      ["checkout.workers", "0"],
      ["checkout.thresholdForParallelism", "1000"],
    ],
    signal,
    failure: "WORKSPACE_FAILED",
  });
}

/** The metadata folder that belongs to a workspace, or undefined. */
export async function findMetadata(repository: Pick<WorkerRepository, "upstreamGit">, workspace: string): Promise<string | undefined> {
  const root = join(repository.upstreamGit, "worktrees");
  for (const name of (await readdir(root).catch(ignoreMissing)) ?? []) {
    const gitdir = await readFile(join(root, name, "gitdir"), "utf8").catch(ignoreMissing);
    if (gitdir?.replace(/\n$/, "") === join(workspace, ".git")) return join(root, name);
  }
  return undefined;
}

/**
 * Removes a workspace with everything in it and its metadata, also where the agent took permissions away. Runs no git; a second time is no failure. What a
 * workspace above a base keeps beside it is its owner's to remove, and then to release the base.
 */
export async function removeWorkspace(repository: WorkerRepository, workspace: string): Promise<void> {
  await unmountBelow(workspace);
  await removeTree(workspace);
  await forgetWorkspace(repository, workspace);
}

/** Removes the metadata of a workspace whose files are gone. */
export async function forgetWorkspace(repository: Pick<WorkerRepository, "upstreamGit">, workspace: string): Promise<void> {
  await withLock(repository.upstreamGit, () => forget(repository, workspace));
}

async function forget(repository: Pick<WorkerRepository, "upstreamGit">, workspace: string): Promise<void> {
  const metadata = await findMetadata(repository, workspace);
  if (metadata) await rm(metadata, { recursive: true, force: true });
}
