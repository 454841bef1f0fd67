import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { branchSchema } from "@slipway/protocol/scalars";
import { ignoreMissing, makeBareStore, mirrorShallow, writeWhenChanged } from "./bare-store.ts";
import { type GitOptions, gitText, runGit } from "./exec.ts";
import { withLock } from "./lock.ts";
import { copyObjects } from "./packs.ts";

/** Longest file that `readFileAt` gives, and longest patch that `diffPatch` gives, in bytes. */
const FILE_LIMIT_BYTES = 1024 * 1024;
const PATCH_LIMIT_BYTES = 20 * 1024 * 1024;
const PATHS_LIMIT_BYTES = 128 * 1024 * 1024;
const MARKER = "installation";
const NO_OBJECT = "0".repeat(40);

/**
 * Makes the two stores of a repository, or completes them. `upstream.git` is what agents may borrow objects from; `jobs.git` borrows from it and
 * takes the pushes of attempts, which no listing shows. `installation` lets a worker on the same machine know the folder again.
 */
export async function createHubRepository(root: string, installationId: string): Promise<void> {
  // Every object of upstream.git is every attempt's to read, so a base that no ref names any more may be asked for by its id.
  const upstream = "[uploadpack]\n\tallowAnySHA1InWant = true\n[receive]\n\tshallowUpdate = true\n";
  const jobs = "[uploadpack]\n\thideRefs = refs/slipway\n\tallowTipSHA1InWant = true\n[receive]\n\tfsckObjects = true\n";
  await makeBareStore(upstreamOf(root), { config: upstream, alternates: [], isShown: true });
  await makeBareStore(jobsOf(root), { config: jobs, alternates: [join(upstreamOf(root), "objects")] });
  // Last: by it `isHubRepository` knows that all of it is there.
  await writeWhenChanged(join(root, MARKER), `${installationId}\n`);
}

/** Whether `createHubRepository` has ended there. */
export async function isHubRepository(root: string): Promise<boolean> {
  return (await stat(join(root, MARKER)).catch(ignoreMissing)) !== undefined;
}

/** The commit that a name means: our branch, the upstream's branch, a pushed base, then a full or abbreviated object id. BASE_NOT_FOUND. */
export async function resolveCommit(root: string, nameOrOid: string): Promise<string> {
  const notFound = new SlipwayError("BASE_NOT_FOUND", `There is no branch or commit ${JSON.stringify(nameOrOid)} in the repository.`, { base: nameOrOid });
  if (!/^[^\s:^@{}\\\x00-\x1f\x7f]{1,250}$/.test(nameOrOid) || nameOrOid.includes("..")) throw notFound;
  const names = [`refs/heads/${nameOrOid}`, `refs/upstream/${nameOrOid}`, `refs/slipway/bases/${nameOrOid}`];
  if (/^[0-9a-f]{4,64}$/.test(nameOrOid)) names.push(nameOrOid);
  const input = names.map((name) => `${name}^{commit}\n`).join("");
  const answer = await gitText(["cat-file", "--batch-check"], { gitDir: upstreamOf(root), input });
  const found = answer.split("\n").find((line) => / commit \d+$/.test(line));
  if (!found) throw notFound;
  return found.slice(0, found.indexOf(" "));
}

/** The commit that `refs/heads/<branch>` of upstream.git names, or null where there is no such branch. */
export async function readBranch(root: string, branch: string): Promise<string | null> {
  const args = ["show-ref", "--verify", "--hash", "--", headOf(branch)];
  const { stdout, exitCode } = await runGit(args, { gitDir: upstreamOf(root), okExitCodes: [0, 1, 128] });
  return exitCode === 0 ? stdout.toString().trim() : null;
}

/** The object that one of Slipway's own refs in jobs.git names, or null where there is no such ref. One git process, 3 ms. */
export async function readJobsRef(root: string, ref: string): Promise<string | null> {
  if (!ref.startsWith("refs/slipway/")) throw new SlipwayError("INVALID_REQUEST", "Only refs under refs/slipway/ are Slipway's to read.", { ref });
  // Unlike show-ref it tells a ref that is missing from a store that cannot be read.
  const listing = await gitText(["for-each-ref", "--format=%(objectname) %(refname)", ref], { gitDir: jobsOf(root) });
  const line = listing.split("\n").find((text) => text.endsWith(` ${ref}`));
  return line === undefined ? null : line.slice(0, line.indexOf(" "));
}

/** Moves a branch forward to a commit of upstream.git, or makes it. CONFLICT where that is not a fast-forward; BASE_NOT_FOUND. */
export async function fastForwardBranch(root: string, branch: string, oid: string): Promise<void> {
  const ref = headOf(branch);
  const gitDir = upstreamOf(root);
  await withLock(gitDir, async () => {
    const present = await readBranch(root, branch);
    if (present === oid) return;
    if ((await resolveCommit(root, oid)) !== oid) throw new SlipwayError("BASE_NOT_FOUND", undefined, { base: oid });
    const forward = present === null || (await ancestry(gitDir, present, oid));
    if (!forward) throw new SlipwayError("CONFLICT", `${branch} has commits that are not in ${oid}.`, { branch, present, wanted: oid });
    await runGit(["update-ref", "-m", "slipway: fast-forward", ref, oid, present ?? NO_OBJECT], { gitDir, failure: "CONFLICT" });
  });
}

/** The bytes of a file at a commit, or null where there is none. PAYLOAD_TOO_LARGE beyond 1 MiB. */
export async function readFileAt(root: string, oid: string, path: string): Promise<Buffer | null> {
  requireOid(oid);
  const options = { ...(await jobsStore(root)), input: `${oid}:${path}\0`, maxBuffer: FILE_LIMIT_BYTES + 200 };
  const { stdout } = await runGit(["cat-file", "--batch", "-z"], options);
  const headEnd = stdout.indexOf("\n");
  const head = /^[0-9a-f]+ blob (\d+)$/.exec(stdout.subarray(0, headEnd).toString());
  return head ? stdout.subarray(headEnd + 1, headEnd + 1 + Number(head[1])) : null;
}

/** Files and bytes that `readFolderAt` gives at most. */
const FOLDER_FILES_LIMIT = 200;

/**
 * The files that lie directly in a folder at a commit, by their names; none where there is no such folder. Links and folders in it are left out.
 * PAYLOAD_TOO_LARGE beyond 200 files or 1 MiB together.
 */
export async function readFolderAt(root: string, oid: string, folder: string): Promise<Map<string, Buffer>> {
  requireOid(oid);
  const store = await jobsStore(root);
  const listing = await runGit(["ls-tree", "-z", "--full-tree", "--end-of-options", oid, `${folder}/`], { ...store, failure: "BASE_NOT_FOUND" });
  const entries = listing.stdout
    .toString()
    .split("\0")
    .map((entry) => /^100(?:644|755) blob ([0-9a-f]+)\t(.*)$/s.exec(entry))
    .flatMap((match) => (match?.[1] && match[2] !== undefined ? [{ oid: match[1], name: match[2].slice(folder.length + 1) }] : []));
  const files = new Map<string, Buffer>();
  if (entries.length === 0) return files;
  if (entries.length > FOLDER_FILES_LIMIT) {
    throw new SlipwayError("PAYLOAD_TOO_LARGE", `The folder ${folder} has ${entries.length} files.`, { folder, limit: FOLDER_FILES_LIMIT });
  }
  const input = `${entries.map((entry) => entry.oid).join("\n")}\n`;
  const { stdout } = await runGit(["cat-file", "--batch"], { ...store, input, maxBuffer: FILE_LIMIT_BYTES + FOLDER_FILES_LIMIT * 200 });
  let at = 0;
  for (const { name } of entries) {
    const headEnd = stdout.indexOf(10, at);
    const bytes = Number(stdout.toString("latin1", at, headEnd).split(" ")[2]);
    files.set(name, stdout.subarray(headEnd + 1, headEnd + 1 + bytes));
    at = headEnd + bytes + 2;
  }
  return files;
}

/** The tree of a commit in either store. BASE_NOT_FOUND. */
export async function treeOf(root: string, oid: string): Promise<string> {
  requireOid(oid);
  return gitText(["rev-parse", "--verify", "--quiet", "--end-of-options", `${oid}^{tree}`], { ...(await jobsStore(root)), failure: "BASE_NOT_FOUND" });
}

/** Whether either store has this commit. */
export async function hasCommit(root: string, oid: string): Promise<boolean> {
  requireOid(oid);
  const { exitCode } = await runGit(["cat-file", "-e", `${oid}^{commit}`], { ...(await jobsStore(root)), okExitCodes: [0, 1, 128] });
  return exitCode === 0;
}

/** Whether `oid` contains `ancestorOid`; a commit contains itself. BASE_NOT_FOUND where one of them is not there. */
export async function isAncestor(root: string, ancestorOid: string, oid: string): Promise<boolean> {
  requireOid(ancestorOid);
  requireOid(oid);
  const { gitDir } = await jobsStore(root);
  return ancestry(gitDir, ancestorOid, oid);
}

/**
 * Lands a commit of jobs.git on a branch of upstream.git by compare-and-swap; `oldOid` null means that the branch must not exist. `moved` where
 * the branch is elsewhere, and then nothing of the job is in upstream.git. A landing that is already there is `landed`. BASE_NOT_FOUND where the
 * commit is not there, CONFLICT where git refuses the branch's name beside another.
 */
export async function land(root: string, landing: { branch: string; oldOid: string | null; newOid: string; jobRef: string }): Promise<"landed" | "moved"> {
  const { branch, oldOid, newOid } = landing;
  const ref = headOf(branch);
  const gitDir = upstreamOf(root);
  requireOid(newOid);
  if (!(await hasCommit(root, newOid))) throw new SlipwayError("BASE_NOT_FOUND", `The hub has no commit ${newOid}.`, { oid: newOid, ref: landing.jobRef });
  // Under the lock no other landing can come between the look and the swap, so a loser's objects never reach the store that agents read.
  return withLock(gitDir, async () => {
    const present = await readBranch(root, branch);
    if (present === newOid) return "landed";
    if (present !== oldOid) return "moved";
    const known = oldOid === null ? (await gitText(["for-each-ref", "--format=%(objectname)"], { gitDir })).split("\n").filter(Boolean) : [oldOid];
    await copyObjects({ from: jobsOf(root), to: gitDir, oid: newOid, known });
    const args = ["update-ref", "-m", "slipway: land", ref, newOid, oldOid ?? NO_OBJECT];
    const swapped = await runGit(args, { gitDir, okExitCodes: [0, 1, 128] });
    if (swapped.exitCode === 0) return "landed";
    if ((await readBranch(root, branch)) !== oldOid) return "moved";
    throw new SlipwayError("CONFLICT", `The branch ${branch} cannot be written: ${swapped.stderr.trim()}`, { branch });
  });
}

/** The change from one commit to another as a patch; never runs a diff driver. Binary files with their bytes, or by their names alone. PAYLOAD_TOO_LARGE beyond 20 MiB. */
export async function diffPatch(root: string, baseOid: string, oid: string, binary: "whole" | "names" = "whole"): Promise<string> {
  requireOid(baseOid);
  requireOid(oid);
  const how = binary === "whole" ? ["--binary"] : [];
  const args = ["diff-tree", "-p", "-r", ...how, "--full-index", "-M", "--no-ext-diff", "--no-textconv", "--end-of-options", baseOid, oid];
  const { stdout } = await runGit(args, { ...(await jobsStore(root)), failure: "BASE_NOT_FOUND", maxBuffer: PATCH_LIMIT_BYTES });
  return stdout.toString();
}

/** The paths that differ between two commits, in git's order; both names of what was renamed. BASE_NOT_FOUND where one of them is not there. */
export async function changedPaths(root: string, baseOid: string, oid: string): Promise<string[]> {
  requireOid(baseOid);
  requireOid(oid);
  const args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", `${baseOid}^{tree}`, `${oid}^{tree}`];
  const { stdout } = await runGit(args, { ...(await jobsStore(root)), failure: "BASE_NOT_FOUND", maxBuffer: PATHS_LIMIT_BYTES });
  return stdout.toString().split("\0").filter(Boolean);
}

/** Where files went from one commit to another, old path to new, as a merge sees it: by content that is half the same. BASE_NOT_FOUND. */
export async function renamedPaths(root: string, baseOid: string, oid: string): Promise<Map<string, string>> {
  requireOid(baseOid);
  requireOid(oid);
  const args = ["diff-tree", "-r", "-z", "--name-status", "-M50%", "-l7000", "--diff-filter=R", "--end-of-options", `${baseOid}^{tree}`, `${oid}^{tree}`];
  const { stdout } = await runGit(args, { ...(await jobsStore(root)), failure: "BASE_NOT_FOUND", maxBuffer: PATHS_LIMIT_BYTES });
  const fields = stdout.toString().split("\0");
  const renamed = new Map<string, string>();
  for (let at = 0; at + 2 < fields.length; at += 3) renamed.set(fields[at + 1] as string, fields[at + 2] as string);
  return renamed;
}

/** Deletes one of Slipway's own refs; one that is not there is no failure. INVALID_REQUEST for any other ref. */
export async function deleteRef(root: string, store: "jobs" | "upstream", ref: string): Promise<void> {
  if (!ref.startsWith("refs/slipway/")) throw new SlipwayError("INVALID_REQUEST", "Only refs under refs/slipway/ are Slipway's to delete.", { ref });
  await runGit(["update-ref", "-d", "--", ref], { gitDir: store === "jobs" ? jobsOf(root) : upstreamOf(root) });
}

function upstreamOf(root: string): string {
  return join(root, "upstream.git");
}

function jobsOf(root: string): string {
  return join(root, "jobs.git");
}

/** Where to read from for both stores; a push to upstream.git may have moved its shallow boundary since. */
async function jobsStore(root: string): Promise<GitOptions & { gitDir: string }> {
  await mirrorShallow(upstreamOf(root), jobsOf(root));
  return { gitDir: jobsOf(root) };
}

async function ancestry(gitDir: string, ancestorOid: string, oid: string): Promise<boolean> {
  const args = ["merge-base", "--is-ancestor", ancestorOid, oid];
  return (await runGit(args, { gitDir, okExitCodes: [0, 1], failure: "BASE_NOT_FOUND" })).exitCode === 0;
}

function headOf(branch: string): string {
  if (!branchSchema.safeParse(branch).success) throw new SlipwayError("INVALID_REQUEST", `${JSON.stringify(branch)} is not a branch name.`, { branch });
  return `refs/heads/${branch}`;
}

function requireOid(oid: string): void {
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(oid)) throw new SlipwayError("BASE_NOT_FOUND", `${JSON.stringify(oid)} is not a full object id.`, { oid });
}
