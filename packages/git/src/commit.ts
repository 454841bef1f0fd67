import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { DiffStat } from "@slipway/protocol/job";
import { alternatesText, mirrorShallow } from "./bare-store.ts";
import { type Change, firstPaths, readChanges } from "./changes.ts";
import { type Identity, identityEnvironment, messageWithTrailers } from "./commit-object.ts";
import { COMMIT_CONFIG } from "./commit-script.ts";
import { type GitOptions, gitText, runGit } from "./exec.ts";
import { adoptObject, adoptPack, packHeader } from "./packs.ts";
import { copyIndex } from "./private-git-dir.ts";
import type { WorkerRepository } from "./repository.ts";
import { together } from "./together.ts";
import { openUntrusted, readUntrusted } from "./untrusted-file.ts";
import { findMetadata } from "./workspace.ts";

export type { Change } from "./changes.ts";
export { commitScript } from "./commit-script.ts";

export interface TakeCommit {
  /** The folder that the script wrote to. */
  readonly out: string;
  readonly baseOid: string;
  readonly message: string;
  readonly author: Identity;
  /** The author where it is missing. */
  readonly committer?: Identity;
  readonly trailers: Readonly<Record<string, string>>;
  readonly coAuthors?: readonly Identity[];
  readonly limits: { readonly packBytes: number; readonly objects: number };
  readonly signal?: AbortSignal;
}

export type TakenCommit = { empty?: false; oid: string; tree: string; changes: Change[]; diffStat: DiffStat } | { empty: true };

/** How long the checks of one pack may take, in ms, how much address space each, and how much listing of changes is read, in bytes. */
const CHECK_TIMEOUT_MS = 60_000;
const CHECK_MEMORY_BYTES = 2 * 1024 ** 3;
const LISTING_MEMORY_BYTES = 1024 ** 3;
const CHANGES_LIMIT_BYTES = 64 * 1024 ** 2;

/** Fills OUT for the script: the base's index as it was before the agent came, a fresh git directory, and what is to be left alone. WORKSPACE_FAILED. */
export async function prepareCommitFolder(repository: WorkerRepository, workspace: string, out: string, baseOid: string): Promise<void> {
  const metadata = await findMetadata(repository, workspace);
  if (!metadata) throw new SlipwayError("WORKSPACE_FAILED", "The workspace is not one of this repository's.", { workspace });
  const gitDir = join(out, "git");
  for (const folder of ["objects/info", "objects/pack", "refs"]) await mkdir(join(gitDir, folder), { recursive: true, mode: 0o700 });
  const entries = await runGit(["ls-files", "--stage", "-z"], { gitDir: metadata, failure: "WORKSPACE_FAILED" });
  await Promise.all([
    writeFile(join(gitDir, "HEAD"), `${baseOid}\n`),
    writeFile(join(gitDir, "config"), COMMIT_CONFIG),
    mirrorShallow(repository.upstreamGit, gitDir),
    copyIndex(join(metadata, "index"), join(out, "index")),
    writePathspecs(entries.stdout, join(out, "pathspecs")),
  ]);
}

/**
 * Takes what the script left, as untrusted as it is, and makes the job's commit of it in jobs.git. The pack is checked in quarantine, where nothing is
 * in sight but the upstream's objects, so that no other job's object can be named. Nothing is taken unless all of it is sound. SCOPE_VIOLATION for a
 * nested repository or a changed submodule link, COMMIT_INVALID for everything else that is wrong, DISK_FULL.
 */
export async function takeCommit(repository: WorkerRepository, request: TakeCommit): Promise<TakenCommit> {
  const tree = await readTreeId(request.out);
  const quarantine = await mkdtemp(join(repository.jobsGit, "quarantine-"));
  try {
    const timeout = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    const check: GitOptions = {
      gitDir: repository.upstreamGit,
      env: { GIT_OBJECT_DIRECTORY: quarantine },
      failure: "COMMIT_INVALID",
      memoryLimitBytes: CHECK_MEMORY_BYTES,
      signal: request.signal ? AbortSignal.any([request.signal, timeout]) : timeout,
      // One thread and small windows keep the address space near what is needed; a file beyond the threshold counts as binary.
      config: [
        ["pack.threads", "1"],
        ["core.packedGitWindowSize", "64m"],
        ["core.packedGitLimit", "512m"],
        ["core.bigFileThreshold", "50m"],
      ],
    };
    await mkdir(join(quarantine, "info"));
    await mkdir(join(quarantine, "pack"));
    await writeFile(join(quarantine, "info/alternates"), alternatesText([join(repository.upstreamGit, "objects"), ...repository.upstreamObjects]));
    const pack = await checkPack(request, quarantine, check);
    // What is made beside the checks, before they say that it is sound, stays in quarantine until then.
    const [{ changes, diffStat }, oid] = await together(
      check.signal,
      (signal) => checkTree(request.baseOid, tree, { ...check, signal }),
      (signal) => writeCommit(request, tree, { ...check, signal }),
    );
    if (changes.length === 0) return { empty: true };
    await adoptPack(pack, repository.jobsGit);
    await adoptObject(quarantine, oid, repository.jobsGit);
    return { oid, tree, changes, diffStat };
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError")
      throw new SlipwayError("COMMIT_INVALID", "The checks took too long.", { limitMs: CHECK_TIMEOUT_MS });
    throw toSlipwayError(error);
  } finally {
    await rm(quarantine, { recursive: true, force: true });
  }
}

/** What `git add` is to look at where the base has submodules: everything but them. Without any there is no file, and the script adds all. */
async function writePathspecs(index: Buffer, path: string): Promise<void> {
  if (!index.includes("160000 ")) return;
  const links = index
    .toString("latin1")
    .split("\0")
    .filter((line) => line.startsWith("160000 "));
  if (links.length === 0) return;
  const specs = [".", ...links.map((line) => `:(exclude,literal,top)${line.slice(line.indexOf("\t") + 1)}`)];
  await writeFile(path, specs.map((spec) => `${spec}\0`).join(""), "latin1");
}

async function readTreeId(out: string): Promise<string> {
  const nested = (await readUntrusted(join(out, "nested"), 1024 * 1024))?.toString().split("\0").filter(Boolean) ?? [];
  if (nested.length > 0) {
    const paths = firstPaths(nested.map((path) => ({ path: path.replace(/\/$/, "") })));
    throw new SlipwayError("SCOPE_VIOLATION", "There is a repository inside the workspace.", { paths });
  }
  const text = (await readUntrusted(join(out, "tree"), 100))?.toString().trim();
  if (text === undefined) {
    const error = (await readUntrusted(join(out, "error"), 1024 * 1024))?.toString().slice(-2_000) ?? "";
    throw new SlipwayError("COMMIT_INVALID", "The sandbox handed out no tree.", { error });
  }
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text))
    throw new SlipwayError("COMMIT_INVALID", "The sandbox handed out no object id.", { text: text.slice(0, 100) });
  return text;
}

/** Indexes the pack in quarantine; answers its path without the suffix. */
async function checkPack(request: TakeCommit, quarantine: string, check: GitOptions): Promise<string> {
  const { packBytes, objects: limit } = request.limits;
  const opened = await openUntrusted(join(request.out, "pack"), packBytes);
  if (!opened) throw new SlipwayError("COMMIT_INVALID", "The sandbox handed out no pack.");
  try {
    const { objects } = await packHeader(opened.file);
    if (objects > limit) throw new SlipwayError("COMMIT_INVALID", "The pack has too many objects.", { objects, limit });
    // git checks the count against the header, and the size again, because the file may still grow.
    const args = ["index-pack", "--stdin", "--strict=badFilemode=error", `--max-input-size=${packBytes}`];
    const answer = await gitText(args, { ...check, inputFd: opened.file.fd });
    return join(quarantine, "pack", `pack-${basename(answer.replace(/^.*\t/s, "").trim())}`);
  } finally {
    await opened.file.close();
  }
}

/** Every object under the tree is in the pack or the upstream's, and what differs from the base is what a job may change. */
async function checkTree(baseOid: string, tree: string, check: GitOptions): Promise<{ changes: Change[]; diffStat: DiffStat }> {
  const base = `${baseOid}^{tree}`;
  const args = ["diff-tree", "-r", "-z", "--raw", "--numstat", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv", "--end-of-options", base, tree];
  try {
    const [, listing] = await together(
      check.signal,
      (signal) => runGit(["rev-list", "--objects", "--quiet", "--stdin"], { ...check, signal, input: `${tree}^{tree}\n^${base}\n` }),
      // A few trees that name each other ten times list billions of files: memory ends that long before time does.
      (signal) => runGit(args, { ...check, signal, maxBuffer: CHANGES_LIMIT_BYTES, memoryLimitBytes: LISTING_MEMORY_BYTES }),
    );
    return readChanges(listing.stdout);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "PAYLOAD_TOO_LARGE") throw new SlipwayError("COMMIT_INVALID", "The change touches too many files.");
    throw error;
  }
}

function writeCommit(request: TakeCommit, tree: string, { memoryLimitBytes: _, ...check }: GitOptions): Promise<string> {
  return gitText(["commit-tree", "-F", "-", "-p", request.baseOid, tree], {
    ...check,
    input: messageWithTrailers(request.message, request.trailers, request.coAuthors),
    env: { ...check.env, ...identityEnvironment(request.author, request.committer ?? request.author) },
  });
}
