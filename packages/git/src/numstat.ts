import { join } from "node:path";
import { runGit } from "./exec.ts";

/** Lines that a change adds to a file and takes from it; null for a binary file. */
export interface FileStat {
  readonly path: string;
  readonly added: number | null;
  readonly removed: number | null;
}

const LISTING_LIMIT_BYTES = 64 * 1_048_576;

/** How much a change adds and removes, file by file in git's order; renames are a deletion and an addition. BASE_NOT_FOUND; PAYLOAD_TOO_LARGE beyond 64 MiB. */
export async function readNumstat(root: string, baseOid: string, oid: string): Promise<FileStat[]> {
  const args = ["diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", "--end-of-options", baseOid, oid];
  const { stdout } = await runGit(args, { gitDir: join(root, "jobs.git"), failure: "BASE_NOT_FOUND", maxBuffer: LISTING_LIMIT_BYTES });
  return stdout
    .toString()
    .split("\0")
    .filter(Boolean)
    .map((entry) => {
      const [added, removed, path] = splitEntry(entry);
      return { path, added: added === "-" ? null : Number(added), removed: removed === "-" ? null : Number(removed) };
    });
}

function splitEntry(entry: string): [string, string, string] {
  const first = entry.indexOf("\t");
  const second = entry.indexOf("\t", first + 1);
  // A name may hold a tab itself.
  return [entry.slice(0, first), entry.slice(first + 1, second), entry.slice(second + 1)];
}
