import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { ignoreMissing } from "./bare-store.ts";
import { runGit } from "./exec.ts";
import { withLock } from "./lock.ts";
import { makePrivateGitDir } from "./private-git-dir.ts";
import { removeTree } from "./remove-tree.ts";
import type { WorkerRepository } from "./repository.ts";

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
 * Makes a workspace: a linked worktree of upstream.git whose `.git` file is then replaced by a private git directory, so that nothing of ours is in the
 * agent's reach. `indexPath` is the untouched index of the base. Submodules stay empty, LFS pointers stay pointers. WORKSPACE_FAILED or DISK_FULL.
 */
export async function addWorkspace(repository: WorkerRepository, options: AddWorkspace): Promise<{ indexPath: string }> {
  const { workspace, baseOid } = options;
  const borrowed = options.withJobObjects ? { GIT_ALTERNATE_OBJECT_DIRECTORIES: join(repository.jobsGit, "objects") } : {};
  try {
    // git picks the metadata's name by trying: two adds at once can pick the same one.
    await withLock(repository.upstreamGit, async () => {
      // What a killed worker left under the same path.
      await forget(repository, workspace);
      await runGit(["worktree", "add", "--quiet", "--detach", "--no-checkout", "--lock", "--", workspace, baseOid], {
        gitDir: repository.upstreamGit,
        env: borrowed,
        failure: "WORKSPACE_FAILED",
      });
    });
    const metadata = await metadataOf(workspace);
    // The checkout itself needs no lock; nothing that the agent can write is there yet.
    await runGit(["read-tree", "-u", "--reset", baseOid], {
      gitDir: metadata,
      cwd: workspace,
      env: { ...borrowed, GIT_WORK_TREE: workspace },
      // A worker a core; below the threshold starting them costs more than it saves.
      config: [
        ["checkout.workers", "0"],
        ["checkout.thresholdForParallelism", "1000"],
      ],
      failure: "WORKSPACE_FAILED",
    });
    await rm(join(workspace, ".git"));
    await makePrivateGitDir(repository, { ...options, indexPath: join(metadata, "index") });
    return { indexPath: join(metadata, "index") };
  } catch (error) {
    throw toSlipwayError(error, "WORKSPACE_FAILED");
  }
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

async function metadataOf(workspace: string): Promise<string> {
  const text = await readFile(join(workspace, ".git"), "utf8");
  const path = /^gitdir: (.+)\n$/s.exec(text)?.[1];
  if (!path) throw new SlipwayError("WORKSPACE_FAILED", "git made no worktree.", { text: text.slice(0, 200) });
  return path;
}
