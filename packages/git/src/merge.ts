import { SlipwayError } from "@slipway/protocol/errors";
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
  /** Replaces the commit's own message; its trailers are kept by the caller. */
  readonly message?: string;
  readonly committer: Identity;
  /** More lines for the end of the message. */
  readonly trailers?: Readonly<Record<string, string>>;
}

export type MergeResult = { kind: "merged"; oid: string; tree: string } | { kind: "conflict"; paths: string[] };

/**
 * Puts the change between base and commit on top of `onto`, in the bare jobs.git, with no worktree. Where `onto` is the base, the commit itself is the
 * answer; where `onto` already contains the commit, `onto` is; else one new commit with the same author and message. The same request makes the same commit within one second of the clock.
 * BASE_NOT_FOUND where a commit is not there.
 */
export async function mergeOnto(repository: WorkerRepository, request: MergeRequest): Promise<MergeResult> {
  const { commitOid, baseOid, ontoOid } = request;
  const gitDir = repository.jobsGit;
  if (ontoOid === baseOid) return { kind: "merged", oid: commitOid, tree: await treeOf(gitDir, commitOid) };
  const sides = await mergeSides(gitDir, request);
  if (sides === "contained") return { kind: "merged", oid: ontoOid, tree: await treeOf(gitDir, ontoOid) };
  const args = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", sides.onto, sides.commit];
  const { stdout, exitCode } = await runGit(args, { gitDir, okExitCodes: [0, 1], failure: "BASE_NOT_FOUND" });
  const [tree, ...rest] = stdout.toString().split("\0");
  if (!tree) throw new SlipwayError("INTERNAL", "git merge-tree gave no tree.");
  if (exitCode === 1) return { kind: "conflict", paths: [...new Set(rest.filter(Boolean))] };
  return { kind: "merged", oid: await commitOnTop(gitDir, request, tree), tree };
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
  const env = identityEnvironment(request.committer, request.committer);
  const dress = (oid: string, parents: readonly string[]): Promise<string> =>
    gitText(["commit-tree", "-m", "merge side", ...parents.flatMap((parent) => ["-p", parent]), `${oid}^{tree}`], { gitDir, env, failure: "BASE_NOT_FOUND" });
  const base = await dress(baseOid, []);
  return { onto: await dress(ontoOid, [base]), commit: await dress(commitOid, [base]) };
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
