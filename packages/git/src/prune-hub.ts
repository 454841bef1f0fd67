import { join } from "node:path";
import { gitText, runGit } from "./exec.ts";

/**
 * Names each of these commits with a ref of its own in the hub's upstream.git (`refs/slipway/bases/<commit>`, the same that a command line pushes), so that
 * maintenance keeps it, whatever becomes of the branch that it came from. A commit that is not there is passed over. Answers how many are named now.
 */
export async function pinBases(root: string, oids: readonly string[]): Promise<number> {
  if (oids.length === 0) return 0;
  const gitDir = join(root, "upstream.git");
  const answer = await gitText(["cat-file", "--batch-check=%(objectname) %(objecttype)"], { gitDir, input: oids.map((oid) => `${oid}\n`).join("") });
  const present = answer.split("\n").flatMap((line) => /^([0-9a-f]+) commit$/.exec(line)?.[1] ?? []);
  const input = present.map((oid) => `update refs/slipway/bases/${oid}\0${oid}\0\0`).join("");
  if (present.length > 0) await runGit(["update-ref", "--stdin", "-z"], { gitDir, input, failure: "CONFLICT" });
  return present.length;
}

/** Writes the refs of both stores below `root` into one file each: a store with a file a ref becomes slow with the jobs. */
export async function packHubRefs(root: string, signal: AbortSignal): Promise<void> {
  for (const store of ["upstream.git", "jobs.git"]) await runGit(["pack-refs", "--all", "--prune"], { gitDir: join(root, store), signal });
}
