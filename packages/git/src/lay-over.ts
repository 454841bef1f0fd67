import { rm } from "node:fs/promises";
import { identityEnvironment } from "./commit-object.ts";
import { readEntries } from "./diff.ts";
import { type GitOptions, gitText, runGit } from "./exec.ts";
import type { WorkerRepository } from "./repository.ts";

const LIMIT_MS = 60_000;
const SUBMODULE = "160000";

export interface LayOver {
  readonly baseOid: string;
  /** A commit on the base, in jobs.git. */
  readonly oid: string;
  /** Which of the changed paths come over. */
  readonly isWanted: (path: string) => boolean;
  /** A path of the daemon's own for an index; nothing is there, before and after. */
  readonly index: string;
  readonly signal: AbortSignal;
}

/** `paths`: what came over; a path that the commit deletes is not there. */
export interface LaidOver {
  readonly oid: string;
  /** Whether it has the very tree of the commit. */
  readonly isWhole: boolean;
  readonly paths: readonly string[];
}

/**
 * Makes a commit of a base with some of what another commit changed there, in the bare jobs.git, from objects alone: no file of either is ever checked out
 * here. Undefined where no wanted path is changed. COMMIT_INVALID where git fails, or the signal's reason.
 */
export async function layOver(repository: WorkerRepository, { baseOid, oid, isWanted, index, signal }: LayOver): Promise<LaidOver | undefined> {
  const git: GitOptions = { gitDir: repository.jobsGit, failure: "COMMIT_INVALID", signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]) };
  const entries = await readEntries(baseOid, oid, git);
  const wanted = entries.filter(({ path, mode }) => mode !== SUBMODULE && isWanted(path));
  if (wanted.length === 0) return undefined;
  const withIndex: GitOptions = { ...git, env: { GIT_INDEX_FILE: index } };
  try {
    await runGit(["read-tree", `${baseOid}^{tree}`], withIndex);
    // What goes goes first: a file may become a folder.
    const gone = wanted.filter(({ status }) => status === "deleted").map(({ path, oldOid }) => `0 ${"0".repeat(oldOid.length)}\t${path}\0`);
    const there = wanted.filter(({ status }) => status !== "deleted").map(({ path, mode, newOid }) => `${mode} ${newOid}\t${path}\0`);
    await runGit(["update-index", "--replace", "-z", "--index-info"], { ...withIndex, input: [...gone, ...there].join("") });
    const tree = await gitText(["write-tree"], withIndex);
    const whole = await gitText(["rev-parse", "--verify", `${oid}^{tree}`], git);
    const who = { name: "Slipway", email: "slipway@localhost" };
    const made = await gitText(["commit-tree", "-m", "The base with the tests of a change", "-p", baseOid, tree], {
      ...git,
      env: identityEnvironment(who, who),
    });
    return { oid: made, isWhole: tree === whole, paths: wanted.map(({ path }) => path) };
  } finally {
    await rm(index, { force: true });
  }
}
