import { SlipwayError } from "@slipway/protocol/errors";
import type { LandingStyle } from "@slipway/protocol/landing";
import { type Identity, identityEnvironment, messageWithTrailers } from "./commit-object.ts";
import { gitText, runGit } from "./exec.ts";
import type { WorkerRepository } from "./repository.ts";

export interface MergeRequest {
  /** The job's commit. */
  readonly commitOid: string;
  /** What the job started from. */
  readonly baseOid: string;
  /** Where the change is to go on top. */
  readonly ontoOid: string;
  /** `fast-forward` where it is missing. */
  readonly style?: LandingStyle;
  /** What the message of a merge commit begins with, before the job's own. */
  readonly mergePrefix?: string;
  /** Replaces the commit's own message; its trailers are kept by the caller. */
  readonly message?: string;
  readonly committer: Identity;
  /** More lines for the end of the message. */
  readonly trailers?: Readonly<Record<string, string>>;
}

export type MergeResult = { kind: "merged"; oid: string; tree: string } | { kind: "conflict"; paths: string[] };

/**
 * Puts the change between base and commit on top of `onto`, in the bare jobs.git, with no worktree. Where `onto` already contains the commit, `onto` is the
 * answer. Otherwise the style says what it becomes, always of the same tree:
 * - `fast-forward`: the commit itself where `onto` is its base, else one new commit with the same author and message;
 * - `rebase`: each commit of the change anew, with the same author and message;
 * - `squash`: one new commit with the same author and message;
 * - `merge`: a merge commit of `onto` and the commit. Where `onto` does not contain the base it would bring the base along, so that it is one new commit.
 *
 * The same request makes the same commit within one second of the clock. BASE_NOT_FOUND where a commit is not there.
 */
export async function mergeOnto(repository: WorkerRepository, request: MergeRequest): Promise<MergeResult> {
  const { commitOid, baseOid, ontoOid, style = "fast-forward" } = request;
  const gitDir = repository.jobsGit;
  if (ontoOid === baseOid) {
    const tree = await treeOf(gitDir, commitOid);
    return { kind: "merged", oid: style === "fast-forward" ? commitOid : await inStyle(gitDir, request, tree, true), tree };
  }
  const sides = await mergeSides(gitDir, request);
  if (sides === "contained") return { kind: "merged", oid: ontoOid, tree: await treeOf(gitDir, ontoOid) };
  const merged = await mergeTrees(gitDir, sides.onto, sides.commit);
  if ("paths" in merged) return { kind: "conflict", paths: merged.paths };
  return { kind: "merged", oid: await inStyle(gitDir, request, merged.tree, sides.onto === ontoOid), tree: merged.tree };
}

async function mergeTrees(gitDir: string, onto: string, commit: string): Promise<{ tree: string } | { paths: string[] }> {
  const args = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", onto, commit];
  const { stdout, exitCode } = await runGit(args, { gitDir, okExitCodes: [0, 1], failure: "BASE_NOT_FOUND" });
  const [tree, ...rest] = stdout.toString().split("\0");
  if (!tree) throw new SlipwayError("INTERNAL", "git merge-tree gave no tree.");
  return exitCode === 1 ? { paths: [...new Set(rest.filter(Boolean))] } : { tree };
}

/** `hasBase`: what it goes on top of has the job's base in its history. */
async function inStyle(gitDir: string, request: MergeRequest, tree: string, hasBase: boolean): Promise<string> {
  if (request.style === "merge" && hasBase) return await mergeCommit(gitDir, request, tree);
  if (request.style === "rebase") return (await replayed(gitDir, request, tree)) ?? (await commitOnTop(gitDir, request, tree));
  return await commitOnTop(gitDir, request, tree);
}

/** By the committer, with the job's own message behind the prefix, trailers and all. */
async function mergeCommit(gitDir: string, request: MergeRequest, tree: string): Promise<string> {
  const { commitOid, ontoOid, committer, mergePrefix = "Merge: ", trailers = {} } = request;
  const { message } = parseCommit(await gitText(["cat-file", "commit", commitOid], { gitDir }));
  const input = messageWithTrailers(mergePrefix + (request.message ?? message), trailers);
  return await gitText(["commit-tree", "-F", "-", "-p", ontoOid, "-p", commitOid, tree], { gitDir, input, env: identityEnvironment(committer, committer) });
}

/**
 * The commits of the change one by one on top. Undefined where that does not give the tree of the whole: one of them conflicts alone, or there are merges among
 * them. A job makes one commit, so that this is the rule for what others pushed as a job's work.
 */
async function replayed(gitDir: string, request: MergeRequest, wanted: string): Promise<string | undefined> {
  const { commitOid, baseOid, committer } = request;
  const listing = await gitText(["rev-list", "--reverse", "--topo-order", "--parents", `${baseOid}..${commitOid}`], { gitDir, failure: "BASE_NOT_FOUND" });
  const commits = listing.split("\n").map((line) => line.split(" "));
  if (commits.length < 2 || commits.some((commit) => commit.length !== 2)) return undefined;
  let onto = request.ontoOid;
  let tree = "";
  for (const [oid, parent] of commits as Array<[string, string]>) {
    const sides = await dress(gitDir, { base: parent, onto, commit: oid, committer });
    const merged = await mergeTrees(gitDir, sides.onto, sides.commit);
    if ("paths" in merged) return undefined;
    tree = merged.tree;
    // Further trailers belong to the whole, so they go to its last commit.
    const { message: _message, trailers, ...own } = request;
    onto = await commitOnTop(gitDir, { ...own, commitOid: oid, ontoOid: onto, ...(oid === commitOid && trailers ? { trailers } : {}) }, tree);
  }
  return tree === wanted ? onto : undefined;
}

function treeOf(gitDir: string, oid: string): Promise<string> {
  return gitText(["rev-parse", "--verify", `${oid}^{tree}`], { gitDir, failure: "BASE_NOT_FOUND" });
}

/**
 * git 2.39 takes the merge base from history alone. Where history does not give the job's base (a target that does not contain it), the three trees
 * are dressed as a history of their own, so that only the job's change moves and nothing else of its base comes along.
 */
async function mergeSides(gitDir: string, request: MergeRequest): Promise<{ onto: string; commit: string } | "contained"> {
  const { commitOid, baseOid, ontoOid } = request;
  const common = await runGit(["merge-base", "--all", ontoOid, commitOid], { gitDir, okExitCodes: [0, 1], failure: "BASE_NOT_FOUND" });
  if (common.stdout.toString().trim() === commitOid) return "contained";
  if (common.stdout.toString().trim() === baseOid) return { onto: ontoOid, commit: commitOid };
  return await dress(gitDir, { base: baseOid, onto: ontoOid, commit: commitOid, committer: request.committer });
}

/** Three trees as a history of two commits on one. */
async function dress(
  gitDir: string,
  { base, onto, commit, committer }: { readonly base: string; readonly onto: string; readonly commit: string; readonly committer: Identity },
): Promise<{ onto: string; commit: string }> {
  const env = identityEnvironment(committer, committer);
  const dressed = (oid: string, parents: readonly string[]): Promise<string> =>
    gitText(["commit-tree", "-m", "merge side", ...parents.flatMap((parent) => ["-p", parent]), `${oid}^{tree}`], { gitDir, env, failure: "BASE_NOT_FOUND" });
  const root = await dressed(base, []);
  return { onto: await dressed(onto, [root]), commit: await dressed(commit, [root]) };
}

async function commitOnTop(gitDir: string, request: MergeRequest, tree: string): Promise<string> {
  const original = parseCommit(await gitText(["cat-file", "commit", request.commitOid], { gitDir }));
  const input = messageWithTrailers(request.message ?? original.message, request.trailers ?? {});
  const env = identityEnvironment(original.author, request.committer);
  return gitText(["commit-tree", "-F", "-", "-p", request.ontoOid, tree], { gitDir, input, env });
}

/** Author and message of a commit, from its object. */
export function parseCommit(text: string): { author: Identity; message: string } {
  const headEnd = text.indexOf("\n\n");
  const match = /^author (.*) <(.*)> (\d+ [+-]\d{4})$/m.exec(text.slice(0, headEnd));
  if (!match) throw new SlipwayError("INTERNAL", "The commit names no author.");
  const [, name, email, date] = match as unknown as [string, string, string, string];
  return { author: { name, email, date: `@${date}` }, message: text.slice(headEnd + 2) };
}
