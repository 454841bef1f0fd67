import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { alternatesVariable } from "./bare-store.ts";
import { type GitOptions, gitText, runGit } from "./exec.ts";
import { type Conflict, mergeTree, type Sides, threeWay } from "./three-way.ts";

/** How long one look may take, in ms. */
const LIMIT_MS = 30_000;

/**
 * What conflicts if the change from `base` to `theirs` is brought onto `ours`, all commits of the hub; none where it merges. Nothing that git makes of it stays.
 * BASE_NOT_FOUND where a commit is not there.
 */
export async function conflictsOnHub(root: string, sides: Sides, signal?: AbortSignal): Promise<readonly Conflict[]> {
  return await aside(root, signal, async (git) => (await threeWay(git, sides)).conflicts);
}

/** The same for two commits by what they have in common: less exact, and a quarter of the work. Empty where they have nothing in common. */
export async function foreseenOnHub(root: string, ours: string, theirs: string, signal?: AbortSignal): Promise<readonly Conflict[]> {
  return await aside(root, signal, async (git) => {
    const common = await runGit(["merge-base", ours, theirs], { ...git, okExitCodes: [0, 1] });
    return common.exitCode === 0 ? (await mergeTree(git, ours, theirs)).conflicts : [];
  });
}

/** What two commits of the hub have in common; null where that is nothing. */
export async function mergeBase(root: string, one: string, other: string): Promise<string | null> {
  const { stdout, exitCode } = await runGit(["merge-base", one, other], { gitDir: join(root, "jobs.git"), okExitCodes: [0, 1], failure: "BASE_NOT_FOUND" });
  return exitCode === 0 ? stdout.toString().trim() : null;
}

/** The first parent of a commit, which a job's commit was made on; null for one that has none. BASE_NOT_FOUND. */
export async function parentOf(root: string, oid: string): Promise<string | null> {
  const text = await gitText(["rev-list", "--parents", "--max-count=1", "--end-of-options", oid], {
    gitDir: join(root, "jobs.git"),
    failure: "BASE_NOT_FOUND",
  });
  return text.split(" ")[1] ?? null;
}

/** Git that reads the hub and writes elsewhere: what it makes on the way is removed. */
async function aside<T>(root: string, signal: AbortSignal | undefined, work: (git: GitOptions) => Promise<T>): Promise<T> {
  const gitDir = join(root, "jobs.git");
  const objects = await mkdtemp(join(tmpdir(), "slipway-merge-"));
  const limit = AbortSignal.timeout(LIMIT_MS);
  try {
    return await work({
      gitDir,
      env: { GIT_OBJECT_DIRECTORY: objects, GIT_ALTERNATE_OBJECT_DIRECTORIES: alternatesVariable(join(gitDir, "objects")) },
      failure: "BASE_NOT_FOUND",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } finally {
    await rm(objects, { recursive: true, force: true });
  }
}
