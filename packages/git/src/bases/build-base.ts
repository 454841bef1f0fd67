import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";
import { alternatesVariable } from "../bare-store.ts";
import { type GitOptions, runGit } from "../exec.ts";
import { copyIndex } from "../private-git-dir.ts";
import type { WorkerRepository } from "../repository.ts";
import { type BasePaths, entriesOf, pathsAt } from "./base.ts";
import { mountOverlay, unmountBelow } from "./mounts.ts";

/** Whose the files are, where not the daemon's own: those of a sandbox's user. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface BuildOptions {
  /** Folder that is made for it. */
  readonly root: string;
  readonly tree: string;
  readonly owner: Owner | undefined;
  readonly signal: AbortSignal;
}

/** The base that a delta lies on: its tree, its index, and its layers, topmost first, as folders in `from`. */
export interface Below {
  readonly from: string;
  readonly tree: string;
  readonly index: string;
  readonly layers: readonly string[];
}

/** From so many files on it pays to give them an index that git trusts without reading the files that were written in its own second. */
const SETTLE_FROM_FILES = 5_000;

/** Checks a tree out as a base of its own. Answers how many files it has. WORKSPACE_FAILED, DISK_FULL. */
export async function buildWhole(repository: WorkerRepository, options: BuildOptions): Promise<number> {
  const paths = await makeFolders(options.root);
  await checkOut(repository, ["--reset", options.tree], { index: paths.index, worktree: paths.tree }, options.signal);
  const files = await countEntries(paths.index);
  const isOwned = await giveTo(options.owner, [paths.tree, paths.git]);
  if (isOwned || files >= SETTLE_FROM_FILES) await settle(repository, { index: paths.index, worktree: paths.tree }, options.signal);
  await giveTo(options.owner, [paths.index]);
  return files;
}

/**
 * Makes a base of what differs from another one. git changes the files of a mount above the other's layers, so that the kernel itself writes down in the new
 * layer what is gone or has another type, and the index tells of the files as every later mount shows them.
 */
export async function buildDelta(repository: WorkerRepository, below: Below, options: BuildOptions): Promise<number> {
  const paths = await makeFolders(options.root);
  await mkdir(paths.view, { mode: 0o700 });
  await copyIndex(below.index, paths.index);
  const at = { index: paths.index, worktree: paths.view };
  await mounted(paths, below, () => checkOut(repository, ["-m", below.tree, options.tree], at, options.signal));
  // Under a mount nothing may be changed behind its back.
  const isOwned = await giveTo(options.owner, [paths.tree, paths.git]);
  if (isOwned) await mounted(paths, below, () => settle(repository, at, options.signal));
  await giveTo(options.owner, [paths.index]);
  await rm(paths.view, { recursive: true });
  return await countEntries(paths.index);
}

async function makeFolders(root: string): Promise<BasePaths> {
  const paths = pathsAt(root);
  for (const path of [paths.tree, join(paths.git, ".git")]) await mkdir(path, { recursive: true, mode: 0o700 });
  return paths;
}

async function mounted(paths: BasePaths, below: Below, work: () => Promise<void>): Promise<void> {
  await rm(paths.work, { recursive: true, force: true });
  await mkdir(paths.work, { mode: 0o700 });
  await mountOverlay({ from: below.from, lower: below.layers, upper: paths.tree, work: paths.work, at: paths.view, renames: false });
  try {
    await work();
  } finally {
    await unmountBelow(paths.view);
    await rm(paths.work, { recursive: true, force: true });
  }
}

interface Checkout {
  readonly index: string;
  readonly worktree: string;
}

async function checkOut(repository: WorkerRepository, how: readonly string[], at: Checkout, signal: AbortSignal): Promise<void> {
  await runGit(["read-tree", "-u", ...how], {
    ...gitOptions(repository, at, signal),
    // A worker a core; below the threshold starting them costs more than it saves.
    config: [
      ["checkout.workers", "0"],
      ["checkout.thresholdForParallelism", "1000"],
    ],
  });
}

/** The same in a later second than that of the last file: from then on git knows them by their stat data alone. */
async function settle(repository: WorkerRepository, at: Checkout, signal: AbortSignal): Promise<void> {
  await delay(1_000 - (Date.now() % 1_000) + 5, undefined, { signal });
  await refreshIndex(repository, at, signal);
}

/** Has git compare all files with the index, by content where their stat data differ, and write down what it found. */
export async function refreshIndex(repository: WorkerRepository, at: Checkout, signal: AbortSignal): Promise<void> {
  await runGit(["update-index", "-q", "--force-write-index", "--refresh"], gitOptions(repository, at, signal));
}

/** Objects of jobs are in sight: what is checked out is told by its tree's id. */
function gitOptions(repository: WorkerRepository, at: Checkout, signal: AbortSignal): GitOptions {
  const borrowed = alternatesVariable(join(repository.jobsGit, "objects"));
  const env = { GIT_WORK_TREE: at.worktree, GIT_INDEX_FILE: at.index, GIT_ALTERNATE_OBJECT_DIRECTORIES: borrowed };
  return { gitDir: repository.upstreamGit, cwd: at.worktree, env, signal, failure: "WORKSPACE_FAILED" };
}

async function countEntries(index: string): Promise<number> {
  await using file = await open(index);
  const head = Buffer.alloc(12);
  await file.read(head, 0, 12, 0);
  return entriesOf(head);
}

/** Whether they had to change hands. */
export async function giveTo(owner: Owner | undefined, paths: readonly string[]): Promise<boolean> {
  if (owner === undefined || (owner.uid === process.getuid?.() && owner.gid === process.getgid?.())) return false;
  await execa("chown", ["-R", "-h", `${owner.uid}:${owner.gid}`, "--", ...paths], { stdin: "ignore" });
  return true;
}
