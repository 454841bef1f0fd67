import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { ignoreMissing } from "./bare-store.ts";
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
}

/**
 * Makes a workspace: the checkout of a linked worktree of upstream.git that has a private git directory in place of its `.git` file, so that nothing of
 * ours is in the agent's reach. `indexPath` is the untouched index of the base. Submodules stay empty, LFS pointers stay pointers. WORKSPACE_FAILED or
 * DISK_FULL.
 */
export async function addWorkspace(repository: WorkerRepository, options: AddWorkspace): Promise<{ indexPath: string }> {
  const { workspace } = options;
  try {
    if ((await readdir(workspace)).length > 0) throw new SlipwayError("WORKSPACE_FAILED", "The folder for the workspace is not empty.", { workspace });
    // What a killed worker left under the same path.
    await withLock(repository.upstreamGit, () => forget(repository, workspace));
    const metadata = await makeMetadata(repository, options);
    const indexPath = join(metadata, "index");
    try {
      await together(
        undefined,
        (signal) => checkOut(repository, options, metadata, signal),
        (signal) => makePrivateGitDir(repository, options, signal),
      );
      await copyIndex(indexPath, join(workspace, ".git/index"));
    } catch (error) {
      await rm(metadata, { recursive: true, force: true });
      throw error;
    }
    return { indexPath };
  } catch (error) {
    throw toSlipwayError(error, "WORKSPACE_FAILED");
  }
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
  const borrowed = withJobObjects ? { GIT_ALTERNATE_OBJECT_DIRECTORIES: join(repository.jobsGit, "objects") } : {};
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
export async function findMetadata(repository: WorkerRepository, workspace: string): Promise<string | undefined> {
  const root = join(repository.upstreamGit, "worktrees");
  for (const name of (await readdir(root).catch(ignoreMissing)) ?? []) {
    const gitdir = await readFile(join(root, name, "gitdir"), "utf8").catch(ignoreMissing);
    if (gitdir?.replace(/\n$/, "") === join(workspace, ".git")) return join(root, name);
  }
  return undefined;
}

/** Removes a workspace with everything in it and its metadata, also where the agent took permissions away. Runs no git; a second time is no failure. */
export async function removeWorkspace(repository: WorkerRepository, workspace: string): Promise<void> {
  await removeTree(workspace);
  await withLock(repository.upstreamGit, () => forget(repository, workspace));
}

async function forget(repository: WorkerRepository, workspace: string): Promise<void> {
  const metadata = await findMetadata(repository, workspace);
  if (metadata) await rm(metadata, { recursive: true, force: true });
}
