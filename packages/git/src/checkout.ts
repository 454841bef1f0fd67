import { access, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { ignoreMissing } from "./bare-store.ts";
import { advanceBranch, type BranchUpdate } from "./checkout-branch.ts";
import { gitText, runGit } from "./exec.ts";
import { copyIndex } from "./private-git-dir.ts";
import { userGit } from "./user-git.ts";

/** Where a result comes from, or a base goes to: a bare repository of the hub. */
export interface HubAddress {
  readonly url: string;
  readonly credential: string;
}

export interface Checkout {
  /** Top folder of the checkout. */
  readonly root: string;
  readonly head: { readonly oid: string; readonly branch: string | null };
  /** Paths with uncommitted changes, untracked files among them, from the top folder. */
  readonly dirty: string[];
  readonly hasSubmodules: boolean;
  readonly shallow: boolean;
}

/** Looks at the checkout that `dir` is in, and writes nothing. INVALID_REQUEST where it is in none; REPOSITORY_EMPTY before the first commit. */
export async function describeCheckout(dir: string): Promise<Checkout> {
  const root = await topOf(dir);
  const options = { cwd: root, configuration: "user" } as const;
  const oid = await runGit(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], { ...options, okExitCodes: [0, 1, 128] });
  if (oid.exitCode !== 0) throw new SlipwayError("REPOSITORY_EMPTY", undefined, { root });
  const [branch, shallow, status, submodules] = await Promise.all([
    runGit(["symbolic-ref", "--quiet", "--short", "HEAD"], { ...options, okExitCodes: [0, 1] }),
    gitText(["rev-parse", "--is-shallow-repository"], options),
    userGit(root).then((git) => git.status(["--untracked-files=all"])),
    access(join(root, ".gitmodules")).then(() => true, ignoreMissing),
  ]);
  return {
    root,
    head: { oid: oid.stdout.toString().trim(), branch: branch.exitCode === 0 ? branch.stdout.toString().trim() : null },
    // A rename is two paths.
    dirty: status.files.flatMap((file) => (file.from && file.from !== file.path ? [file.from, file.path] : [file.path])),
    hasSubmodules: submodules ?? false,
    shallow: shallow === "true",
  };
}

/**
 * Makes a commit of HEAD with all uncommitted changes on top: tracked and untracked files, not ignored ones. Works on a copy of the index, so that
 * index, branch and stash stay as they are. HEAD itself where nothing is uncommitted. REPOSITORY_EMPTY, INVALID_REQUEST, DISK_FULL.
 */
export async function commitDirty(root: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-index-"));
  try {
    const options = { cwd: root, configuration: "user", failure: "INVALID_REQUEST", env: { GIT_INDEX_FILE: join(folder, "index") } } as const;
    const index = resolve(root, await gitText(["rev-parse", "--git-path", "index"], { cwd: root, configuration: "user" }));
    // A checkout may have no index, after `rm .git/index` or with everything removed from it.
    if (await stat(index).catch(ignoreMissing)) await copyIndex(index, join(folder, "index"));
    // A repository of the person's own inside this one is not part of it; git would record a link to a commit that nobody can fetch.
    const others = (await runGit(["ls-files", "--others", "--exclude-standard", "-z"], options)).stdout.toString().split("\0");
    const nested = others.filter((path) => path.endsWith("/"));
    const specs = [".", ...nested.map((path) => `:(exclude,literal,top)${path.slice(0, -1)}`)];
    await runGit(["add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"], { ...options, input: specs.join("\0") });
    const tree = await gitText(["write-tree"], options);
    const head = await gitText(["rev-parse", "HEAD", "HEAD^{tree}"], { ...options, failure: "REPOSITORY_EMPTY" });
    const [headOid = "", headTree] = head.split("\n");
    if (tree === headTree) return headOid;
    const env = { ...options.env, ...(await identity(root)) };
    return await gitText(["commit-tree", "-p", headOid, "-m", "Uncommitted changes", tree], { ...options, env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const PUSH_TRIES = 5;

/**
 * Pushes a commit of the checkout to the hub as a base, also where others push the same one at the same time. REPOSITORY_UNREACHABLE where the hub refuses it
 * or does not answer.
 */
export async function pushBase(root: string, target: HubAddress & { oid: string; ref: string }): Promise<void> {
  const args = ["push", "--quiet", "--no-verify", "--no-signed", "--recurse-submodules=no", "--", target.url, `${target.oid}:${target.ref}`];
  for (let tries = 1; ; tries += 1) {
    try {
      await runGit(args, { cwd: root, configuration: "user", credential: target.credential, failure: "REPOSITORY_UNREACHABLE" });
      return;
    } catch (error) {
      // Another push of the same base was quicker: the next try finds it there.
      if (tries === PUSH_TRIES || !(error instanceof SlipwayError) || !String(error.details["stderr"]).includes("cannot lock ref")) throw error;
    }
  }
}

/**
 * Fetches a landed commit and puts a branch of the checkout on it: a new branch, or one that this only moves forward. A branch that is checked out
 * somewhere moves with its tree, and only where that is clean. `left` says why nothing was done. REPOSITORY_UNREACHABLE, INVALID_REQUEST.
 */
export async function fetchResult(root: string, source: HubAddress & { branch: string; intoBranch: string; expectedOid: string }): Promise<BranchUpdate> {
  const { url, credential, expectedOid } = source;
  const present = await runGit(["cat-file", "-e", `${expectedOid}^{commit}`], { cwd: root, configuration: "user", okExitCodes: [0, 1, 128] });
  if (present.exitCode !== 0) {
    // By its id: the branch on the hub may already be further, and nothing of it is to appear in the person's refs.
    const args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--refmap=", "--", url, expectedOid];
    await runGit(args, { cwd: root, configuration: "user", credential, failure: "REPOSITORY_UNREACHABLE" });
  }
  return advanceBranch(root, source.intoBranch, expectedOid);
}

async function topOf(dir: string): Promise<string> {
  const top = await runGit(["rev-parse", "--show-toplevel"], { cwd: resolve(dir), configuration: "user", okExitCodes: [0, 128] });
  const root = top.stdout.toString().replace(/\n$/, "");
  if (top.exitCode === 0 && root !== "") return root;
  const why = top.stderr.includes("must be run in a work tree") ? "is a bare repository, not a checkout" : "is in no git repository";
  throw new SlipwayError("INVALID_REQUEST", `${resolve(dir)} ${why}.`, {
    dir: resolve(dir),
    git: top.stderr.trim(),
    hint: "Change into a checkout with at least one commit, or make one with `git init`.",
  });
}

/** The person's own name, where git knows it. */
async function identity(root: string): Promise<Record<string, string>> {
  const git = await userGit(root);
  const [name, email] = await Promise.all([git.getConfig("user.name"), git.getConfig("user.email")]);
  const [who, where] = [name.value ?? "Slipway", email.value ?? "slipway@localhost"];
  return { GIT_AUTHOR_NAME: who, GIT_AUTHOR_EMAIL: where, GIT_COMMITTER_NAME: who, GIT_COMMITTER_EMAIL: where };
}
