import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Change, readChanges } from "./changes.ts";
import { type GitOptions, runGit } from "./exec.ts";
import type { WorkerRepository } from "./repository.ts";

const CHANGES_LIMIT_BYTES = 64 * 1024 ** 2;

export interface ChangedFiles {
  readonly baseOid: string;
  /** A commit on the base that jobs.git has, with all that it reaches. */
  readonly oid: string;
  /** An own folder of the daemon that no sandbox has seen; what is in it is removed. */
  readonly out: string;
  readonly signal: AbortSignal;
}

/**
 * Lays out what a job's commit changed, for `applyScript`: in OUT `files`, with each file that it added or changed, and `paths`, all paths that it touched,
 * each ended by NUL. Git writes into a folder of the daemon's own; the script brings it into a workspace, with its owner's rights. WORKSPACE_FAILED.
 */
export async function writeChangedFiles(repository: WorkerRepository, { baseOid, oid, out, signal }: ChangedFiles): Promise<Change[]> {
  const files = join(out, "files");
  await rm(out, { recursive: true, force: true });
  await mkdir(files, { recursive: true, mode: 0o700 });
  const git: GitOptions = { gitDir: repository.jobsGit, signal, failure: "WORKSPACE_FAILED" };
  const args = ["diff-tree", "-r", "-z", "--raw", "--numstat", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "--end-of-options"];
  const listing = await runGit([...args, `${baseOid}^{tree}`, `${oid}^{tree}`], { ...git, maxBuffer: CHANGES_LIMIT_BYTES });
  const { changes } = readChanges(listing.stdout);
  const there = changes.filter(({ status }) => status !== "deleted").map(({ path }) => path);
  // The whole tree, so that its attributes count as in any checkout.
  const worktree: GitOptions = { ...git, cwd: files, env: { GIT_WORK_TREE: files, GIT_INDEX_FILE: join(out, "index") } };
  await runGit(["read-tree", `${oid}^{tree}`], worktree);
  await runGit(["checkout-index", "-f", "-z", "--stdin"], { ...worktree, input: ended(there) });
  await rm(join(out, "index"));
  await writeFile(join(out, "paths"), ended(changes.map(({ path }) => path)));
  return changes;
}

function ended(paths: readonly string[]): string {
  return paths.map((path) => `${path}\0`).join("");
}

const SCRIPT = `set -eu
cd "$WORKSPACE"
# First all of them go, so that nothing is written through a link, and a folder can become a file.
xargs -0 sh -c '
  for path; do
    rm -f -- "./$path"
    rmdir -p -- "$(dirname -- "./$path")" 2>/dev/null || :
  done' sh <"$FROM/paths"
cp -a "$FROM/files/." .
`;

/**
 * A POSIX script, for `sh -c`, that brings changed files into a workspace. It runs INSIDE the sandbox, as the agent's user: by then the repository's setup may
 * have written there. Environment: WORKSPACE; FROM, the folder that `writeChangedFiles` filled.
 */
export function applyScript(): string {
  return SCRIPT;
}
