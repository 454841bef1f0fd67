import { SlipwayError } from "@slipway/protocol/errors";
import type { DiffStat } from "@slipway/protocol/job";

/** One file that differs between two trees. A type change counts as modified; a rename is a deletion and an addition. */
export interface Change {
  readonly path: string;
  readonly status: "added" | "modified" | "deleted";
  /** Git's mode in octal, of the new side; of the old side for a deletion. */
  readonly mode: string;
}

interface RawChange {
  readonly path: string;
  readonly status: string;
  readonly oldMode: string;
  readonly newMode: string;
}

/** File, executable, symlink. */
const TAKEN_MODES = new Set(["100644", "100755", "120000"]);

/**
 * Reads the output of `git diff-tree -r -z --raw --numstat` (git-diff-tree(1), "raw output format") and judges it. SCOPE_VIOLATION for a submodule link
 * that is new, changed or gone; COMMIT_INVALID for any other mode, and for names that no checkout may have.
 */
export function readChanges(output: Buffer): { changes: Change[]; diffStat: DiffStat } {
  const { raw, diffStat } = parse(output);
  const links = raw.filter((change) => change.oldMode === "160000" || change.newMode === "160000");
  if (links.length > 0) {
    throw new SlipwayError("SCOPE_VIOLATION", "The change touches a submodule or leaves a nested repository.", { paths: firstPaths(links) });
  }
  const odd = raw.filter((change) => (change.status !== "D" && !TAKEN_MODES.has(change.newMode)) || !isCheckoutName(change.path));
  if (odd.length > 0) throw new SlipwayError("COMMIT_INVALID", "The tree has entries that no checkout may have.", { paths: firstPaths(odd) });
  return { changes: raw.map(toChange), diffStat };
}

/** Paths for an error's details: enough to see, never all of a flood. */
export function firstPaths(changes: ReadonlyArray<{ readonly path: string }>): string[] {
  return changes.slice(0, 50).map((change) => change.path.slice(0, 500));
}

function parse(output: Buffer): { raw: RawChange[]; diffStat: DiffStat } {
  const fields = output.toString().split("\0");
  const raw: RawChange[] = [];
  let [files, insertions, deletions] = [0, 0, 0];
  for (let index = 0; index < fields.length - 1; index += 1) {
    const field = fields[index] ?? "";
    if (field.startsWith(":")) {
      const [oldMode = "", newMode = "", , , status = ""] = field.slice(1).split(" ");
      index += 1;
      raw.push({ path: fields[index] ?? "", oldMode, newMode, status });
    } else {
      const [added = "", removed = ""] = field.split("\t");
      files += 1;
      // A binary file has dashes.
      insertions += Number.parseInt(added, 10) || 0;
      deletions += Number.parseInt(removed, 10) || 0;
    }
  }
  return { raw, diffStat: { files, insertions, deletions } };
}

function toChange(change: RawChange): Change {
  if (change.status === "A") return { path: change.path, status: "added", mode: change.newMode };
  if (change.status === "D") return { path: change.path, status: "deleted", mode: change.oldMode };
  return { path: change.path, status: "modified", mode: change.newMode };
}

/** A second look after git's own (`fsck --strict`): no component that some file system could take for `.git`, and none that leads elsewhere. */
function isCheckoutName(path: string): boolean {
  return path.split("/").every((part) => {
    // HFS+ leaves these characters out of names, NTFS leaves out dots and spaces at the end and streams after a colon.
    const seen = part.replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, "").toLowerCase();
    const plain = seen.replace(/:.*$/s, "").replace(/[. ]+$/, "");
    return part !== "" && part !== "." && part !== ".." && plain !== ".git" && plain !== "git~1";
  });
}
