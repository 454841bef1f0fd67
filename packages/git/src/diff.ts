import type { Change } from "./changes.ts";
import { type GitOptions, runGit } from "./exec.ts";
import type { WorkerRepository } from "./repository.ts";

/** Of larger files no line is looked at. */
export const DIFF_FILE_LIMIT_BYTES = 1_048_576;
/** Of all files together; of the rest no line is looked at either. */
const CONTENT_LIMIT_BYTES = 64 * 1_048_576;
const PATCH_LIMIT_BYTES = 128 * 1_048_576;
const LIMIT_MS = 60_000;
const MEMORY_LIMIT_BYTES = 2 * 1024 ** 3;

/** A line with its number, counted from 1, without its line feed; a carriage return before that is kept. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/** One file of a change, with its lines where they can be looked at. */
export interface FileDiff extends Change {
  /** Bytes of the new side; of the old side for a deletion. */
  readonly sizeBytes: number;
  readonly isBinary: boolean;
  /** The whole text of each side, where there is one. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly added: readonly Line[];
  readonly removed: readonly Line[];
  /** Whether it is too large for its lines to be here. */
  readonly isTooLarge: boolean;
}

/** A path that differs, with the objects of both sides. */
export interface Entry extends Change {
  readonly oldOid: string;
  readonly newOid: string;
}

/**
 * What a commit changes, from its objects alone: no attribute, filter or setting of the repository has a say. Files come in git's order. COMMIT_INVALID where
 * git fails, or takes too long.
 */
export async function readDiff(
  repository: WorkerRepository,
  { baseOid, oid, signal }: { baseOid: string; oid: string; signal?: AbortSignal },
): Promise<FileDiff[]> {
  const git = gitOf(repository, signal);
  const entries = await readEntries(baseOid, oid, git);
  if (entries.length === 0) return [];
  const sizes = await readSizes(entries, git);
  const patches = await readPatches(baseOid, oid, entries.length, git);
  const contents = await readContents(entries, sizes, patches, git);
  return entries.map((entry, index) => {
    const { path, status, mode, oldOid, newOid } = entry;
    const patch = patches[index];
    const sizeBytes = sizes.get(status === "deleted" ? oldOid : newOid) ?? 0;
    const [before, after] = [contents.get(oldOid), contents.get(newOid)];
    const isLarge = Math.max(sizes.get(oldOid) ?? 0, sizes.get(newOid) ?? 0) > DIFF_FILE_LIMIT_BYTES;
    const isBinary = patch?.isBinary === true && !isLarge;
    const isRead = [oldOid, newOid].every((id) => isNothing(id) || contents.has(id));
    const lines = patch && isRead ? patch : { added: [], removed: [] };
    return { path, status, mode, sizeBytes, isBinary, before, after, added: lines.added, removed: lines.removed, isTooLarge: !isBinary && !isRead };
  });
}

/** The texts of some files of a commit, such as its tests; of `limit` files at most, the first in git's order, none of which is larger than what a diff reads. */
export async function readTexts(
  repository: WorkerRepository,
  { oid, signal, limit, isWanted }: { oid: string; signal?: AbortSignal; limit: number; isWanted: (path: string) => boolean },
): Promise<Array<{ path: string; text: string }>> {
  const git = gitOf(repository, signal);
  const listing = (await runGit(["ls-tree", "-r", "-l", "-z", "--end-of-options", oid], git)).stdout.toString().split("\0").filter(Boolean);
  const wanted = listing
    .map((entry) => ({ path: entry.slice(entry.indexOf("\t") + 1), fields: entry.slice(0, entry.indexOf("\t")).split(/ +/) }))
    .filter(({ path, fields: [mode, , , size] }) => mode !== "120000" && Number(size) <= DIFF_FILE_LIMIT_BYTES && isWanted(path))
    .slice(0, limit)
    .map(({ path, fields }) => ({ path, oid: fields[2] ?? "" }));
  const texts = await readBlobs([...new Set(wanted.map((file) => file.oid))], git);
  return wanted.flatMap((file) => {
    const text = texts.get(file.oid);
    return text === undefined ? [] : [{ path: file.path, text }];
  });
}

/** The paths of all files of a commit, links and submodules among them, in git's order. */
export async function readPaths(repository: WorkerRepository, { oid, signal }: { oid: string; signal?: AbortSignal }): Promise<string[]> {
  const { stdout } = await runGit(["ls-tree", "-r", "-z", "--name-only", "--end-of-options", oid], gitOf(repository, signal));
  return stdout.toString().split("\0").filter(Boolean);
}

/** What `readPatch` has git do; in a person's checkout it prints the same. */
export function patchArguments(baseOid: string, oid: string): string[] {
  return ["diff-tree", "-r", "-p", "-M", "--no-color", "--no-ext-diff", "--no-textconv", "--end-of-options", `${baseOid}^{tree}`, `${oid}^{tree}`];
}

/** A change as a patch to read, with three lines of context; binary files by their names alone. Undefined where it is beyond 128 MiB. */
export async function readPatch(
  repository: WorkerRepository,
  { baseOid, oid, signal }: { baseOid: string; oid: string; signal?: AbortSignal },
): Promise<string | undefined> {
  try {
    return (await runGit(patchArguments(baseOid, oid), { ...gitOf(repository, signal), maxBuffer: PATCH_LIMIT_BYTES })).stdout.toString();
  } catch (error) {
    if ((error as { code?: unknown }).code === "PAYLOAD_TOO_LARGE") return undefined;
    throw error;
  }
}

function gitOf(repository: WorkerRepository, signal: AbortSignal | undefined): GitOptions {
  const timeout = AbortSignal.timeout(LIMIT_MS);
  return {
    gitDir: repository.jobsGit,
    failure: "COMMIT_INVALID",
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    config: [
      ["core.packedGitWindowSize", "64m"],
      ["core.packedGitLimit", "512m"],
      // A file beyond it counts as binary, so that the patch stays small.
      ["core.bigFileThreshold", String(DIFF_FILE_LIMIT_BYTES + 1)],
      ["core.attributesFile", "/dev/null"],
    ],
  };
}

/** Which paths differ between two commits, by their objects. */
export async function readEntries(baseOid: string, oid: string, git: GitOptions): Promise<Entry[]> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--end-of-options", `${baseOid}^{tree}`, `${oid}^{tree}`];
  const fields = (await runGit(args, git)).stdout.toString().split("\0");
  const entries: Entry[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [oldMode = "", newMode = "", oldOid = "", newOid = "", letter = ""] = (fields[index] ?? "").slice(1).split(" ");
    const status = letter === "A" ? "added" : letter === "D" ? "deleted" : "modified";
    entries.push({ path: fields[index + 1] ?? "", status, mode: status === "deleted" ? oldMode : newMode, oldOid, newOid });
  }
  return entries;
}

async function readSizes(entries: readonly Entry[], git: GitOptions): Promise<Map<string, number>> {
  const oids = blobsOf(entries);
  const { stdout } = await runGit(["cat-file", "--batch-check=%(objectname) %(objectsize)"], { ...git, input: `${oids.join("\n")}\n` });
  const lines = stdout.toString().trimEnd().split("\n");
  return new Map(lines.map((line): [string, number] => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
}

interface Patch {
  readonly isBinary: boolean;
  readonly added: readonly Line[];
  readonly removed: readonly Line[];
}

/** One a file, in the order of the listing; none where all of it is too much. The names in it are not read: the listing has them as they are. */
async function readPatches(baseOid: string, oid: string, count: number, git: GitOptions): Promise<Patch[]> {
  const args = ["diff-tree", "-r", "-p", "--unified=0", "--no-color", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-indent-heuristic"];
  try {
    const { stdout } = await runGit([...args, "--end-of-options", `${baseOid}^{tree}`, `${oid}^{tree}`], { ...git, maxBuffer: PATCH_LIMIT_BYTES });
    const patches = parsePatches(stdout.toString());
    return patches.length === count ? patches : [];
  } catch (error) {
    if ((error as { code?: unknown }).code === "PAYLOAD_TOO_LARGE") return [];
    throw error;
  }
}

/** Reads a patch without context. A change of a file's type is told in two pieces, which are of one file. */
export function parsePatches(text: string): Patch[] {
  const patches: Array<{ isBinary: boolean; added: Line[]; removed: Line[]; header: string }> = [];
  let [oldLine, newLine, oldLeft, newLeft] = [0, 0, 0, 0];
  for (const line of text.split("\n")) {
    const current = patches.at(-1);
    if (oldLeft > 0 || newLeft > 0) {
      if (line.startsWith("-")) {
        current?.removed.push({ number: oldLine, text: line.slice(1) });
        [oldLine, oldLeft] = [oldLine + 1, oldLeft - 1];
      } else if (line.startsWith("+")) {
        current?.added.push({ number: newLine, text: line.slice(1) });
        [newLine, newLeft] = [newLine + 1, newLeft - 1];
      }
      continue;
    }
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (hunk) {
      [oldLine, newLine] = [Number(hunk[1]), Number(hunk[3])];
      [oldLeft, newLeft] = [Number(hunk[2] ?? 1), Number(hunk[4] ?? 1)];
    } else if (line.startsWith("diff --git ")) {
      if (current?.header !== line) patches.push({ isBinary: false, added: [], removed: [], header: line });
    } else if (current && line.startsWith("Binary files ")) current.isBinary = true;
  }
  return patches.map(({ isBinary, added, removed }) => ({ isBinary, added, removed }));
}

/** The texts of both sides, as far as they are small enough and their lines differ. */
async function readContents(
  entries: readonly Entry[],
  sizes: ReadonlyMap<string, number>,
  patches: readonly Patch[],
  git: GitOptions,
): Promise<Map<string, string>> {
  let total = 0;
  const wanted: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const oids = blobsOf([entry]);
    const bytes = oids.map((oid) => sizes.get(oid) ?? 0);
    if (!patches[index] || patches[index].isBinary || bytes.some((size) => size > DIFF_FILE_LIMIT_BYTES)) continue;
    total += bytes.reduce((sum, size) => sum + size, 0);
    if (total > CONTENT_LIMIT_BYTES) break;
    wanted.push(...oids);
  }
  return await readBlobs(wanted, git);
}

async function readBlobs(oids: readonly string[], git: GitOptions): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  if (oids.length === 0) return contents;
  const { stdout } = await runGit(["cat-file", "--batch"], { ...git, input: `${oids.join("\n")}\n`, maxBuffer: 2 * CONTENT_LIMIT_BYTES });
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf(10, at);
    const [oid = "", , size = "0"] = stdout.toString("latin1", at, end).split(" ");
    contents.set(oid, stdout.toString("utf8", end + 1, end + 1 + Number(size)));
    at = end + 2 + Number(size);
  }
  return contents;
}

function blobsOf(entries: readonly Entry[]): string[] {
  return [...new Set(entries.flatMap(({ oldOid, newOid }) => [oldOid, newOid]).filter((oid) => !isNothing(oid)))];
}

function isNothing(oid: string): boolean {
  return /^0+$/.test(oid);
}
