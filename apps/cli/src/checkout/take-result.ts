import { fetchResult } from "@slipway/git/checkout";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { Connection } from "../connection.ts";
import { branchOid, readGit } from "./read-git.ts";

export interface TakenResult {
  /** Branch of the checkout that holds the result. */
  readonly branch: string;
  readonly oid: string;
  readonly updated: "created" | "fast-forwarded" | "left" | "current";
  /** Why the branch was left as it is. */
  readonly reason: string | undefined;
}

/**
 * Brings a landed job's commit into the user's repository: onto the branch of the same name, or, where a branch of that name has other
 * commits and nobody asked for it by name, onto a new one beside it.
 */
export async function takeResult(connection: Connection, job: JobView, root: string, into: string | undefined): Promise<TakenResult> {
  const oid = job.landedOid;
  if (oid === null) throw new SlipwayError("CONFLICT", `Job ${job.number} is ${job.state}; there is nothing to take.`);
  const { repositories } = await connection.client.call("listRepositories", {});
  const url = repositories.find((repository) => repository.id === job.repo.id)?.upstreamUrl;
  if (url === undefined) throw new SlipwayError("NOT_FOUND", `The repository of job ${job.number} is no longer registered.`);
  for (let copy = 1; ; copy += 1) {
    const branch = into ?? (copy === 1 ? job.target : `${job.target}-${copy}`);
    if ((await branchOid(root, branch)) === oid) return { branch, oid, updated: "current", reason: undefined };
    const { updated, reason } = await fetchResult(root, { url, credential: connection.token, branch: job.target, intoBranch: branch, expectedOid: oid });
    if (updated !== "left" || into !== undefined || copy === 20) return { branch, oid, updated, reason };
  }
}

/** `git diff --stat` between two commits of a checkout, for the summary. */
export async function diffStatLines(root: string, from: string, to: string, width: number): Promise<string[]> {
  const text = await readGit(["diff", `--stat=${width}`, "--no-color", "--no-ext-diff", "--no-textconv", from, to], root);
  return text === "" ? [] : text.split("\n");
}
