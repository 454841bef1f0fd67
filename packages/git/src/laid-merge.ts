import { lstat, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing } from "./bare-store.ts";
import type { Change } from "./changes.ts";
import { writeChangedFiles } from "./handover.ts";
import type { WorkerRepository } from "./repository.ts";
import { type Conflict, type Sides, type ThreeWay, threeWay } from "./three-way.ts";

/** Of a larger file the sides keep the names that git gave them. */
const RELABEL_LIMIT_BYTES = 16 * 1024 ** 2;

export interface LayMerge extends Sides {
  /** An own folder of the daemon that no sandbox has seen; what is in it is removed. */
  readonly out: string;
  /** How the markers in the files name the sides, each in a few words. */
  readonly names: ThreeWay["labels"];
  readonly signal: AbortSignal;
}

/** What differs from `ours` then. */
export interface LaidMerge {
  readonly conflicts: readonly Conflict[];
  readonly changes: readonly Change[];
}

/**
 * Merges the change from `base` to `theirs` onto `ours`, from the objects that jobs.git has, and lays out what that changes for `applyScript`: with conflict
 * markers in files that conflict. WORKSPACE_FAILED.
 */
export async function layMerge(repository: WorkerRepository, { out, names, signal, ...sides }: LayMerge): Promise<LaidMerge> {
  const { tree, conflicts, labels } = await threeWay({ gitDir: repository.jobsGit, signal, failure: "WORKSPACE_FAILED" }, sides);
  const changes = await writeChangedFiles(repository, { baseOid: sides.ours, oid: tree, out, signal });
  for (const { path } of conflicts) await relabel(join(out, "files", path), labels, names);
  return { conflicts, changes };
}

/** Git names the sides by ids that nobody can know. Byte for byte, as a file may be in any encoding. */
async function relabel(file: string, labels: ThreeWay["labels"], names: ThreeWay["labels"]): Promise<void> {
  const info = await lstat(file).catch(ignoreMissing);
  if (!info?.isFile() || info.size > RELABEL_LIMIT_BYTES) return;
  const text = await readFile(file, "latin1");
  let named = text;
  for (const [mark, side] of MARKS) {
    const label = new RegExp(`^(${mark}) ${labels[side]}(?=[:\\r\\n])`, "gm");
    named = named.replace(label, (_, found: string) => `${found} ${Buffer.from(names[side]).toString("latin1")}`);
  }
  if (named !== text) await writeFile(file, named, "latin1");
}

const MARKS = [
  ["<{7}", "ours"],
  ["\\|{7}", "base"],
  [">{7}", "theirs"],
] as const;
