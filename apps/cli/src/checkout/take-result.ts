import { fetchResult } from "@slipway/git/checkout";
import { fetchNotes } from "@slipway/git/notes";
import { SlipwayError } from "@slipway/protocol/errors";
import { type JobDetail, type JobView, workOf } from "@slipway/protocol/job";
import type { RepositoryView } from "@slipway/protocol/repository";
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
  const { upstreamUrl } = await repositoryOf(connection, job);
  return await take(connection, root, { url: upstreamUrl, oid, name: job.target, into });
}

/**
 * Brings what is kept of a job that did not land into the user's repository: onto a branch whose name says so, never by itself onto the one that the job
 * was to land on. NOT_FOUND where the hub no longer keeps it.
 */
export async function takeKept(connection: Connection, detail: JobDetail, root: string, into: string | undefined): Promise<TakenResult> {
  const { job } = detail;
  const oid = workOf(detail);
  if (oid === null) throw new SlipwayError("CONFLICT", `Nothing is kept of job ${job.number}; it is ${job.state}.`);
  const { jobsUrl } = await repositoryOf(connection, job);
  try {
    return await take(connection, root, { url: jobsUrl, oid, name: keptBranch(job), into });
  } catch (error) {
    // The server can say whether it is the hub that is away, or the work that is no longer there.
    if (error instanceof SlipwayError && error.code === "REPOSITORY_UNREACHABLE") await connection.client.diff(job.id);
    throw error;
  }
}

/** Brings the notes of landed commits into the user's repository; false where the hub has none. */
export async function takeNotes(connection: Connection, job: JobView, root: string): Promise<boolean> {
  const { upstreamUrl } = await repositoryOf(connection, job);
  return await fetchNotes(root, { url: upstreamUrl, credential: connection.token });
}

function keptBranch(job: JobView): string {
  return job.target.startsWith("slipway/") ? `${job.target}-kept` : `slipway/job-${job.number}-kept`;
}

async function repositoryOf(connection: Connection, job: JobView): Promise<RepositoryView> {
  const { repositories } = await connection.client.call("listRepositories", {});
  const found = repositories.find((repository) => repository.id === job.repo.id);
  if (!found) throw new SlipwayError("NOT_FOUND", `The repository of job ${job.number} is no longer registered.`);
  return found;
}

interface Take {
  readonly url: string;
  readonly oid: string;
  /** Branch where nobody asked for one by name; with a number where that has other commits. */
  readonly name: string;
  readonly into: string | undefined;
}

async function take(connection: Connection, root: string, { url, oid, name, into }: Take): Promise<TakenResult> {
  for (let copy = 1; ; copy += 1) {
    const branch = into ?? (copy === 1 ? name : `${name}-${copy}`);
    if ((await branchOid(root, branch)) === oid) return { branch, oid, updated: "current", reason: undefined };
    const { updated, reason } = await fetchResult(root, { url, credential: connection.token, branch: name, intoBranch: branch, expectedOid: oid });
    if (updated !== "left" || into !== undefined || copy === 20) return { branch, oid, updated, reason };
  }
}

/** `git diff --stat` between two commits of a checkout, for the summary. */
export async function diffStatLines(root: string, from: string, to: string, width: number): Promise<string[]> {
  const text = await readGit(["diff", `--stat=${width}`, "--no-color", "--no-ext-diff", "--no-textconv", from, to], root);
  return text === "" ? [] : text.split("\n");
}
