import { mergeOnto } from "@slipway/git/merge";
import { fetchCommit, openWorkerRepository, pushCommit } from "@slipway/git/repository";
import { type Signer, signCommits } from "@slipway/git/sign";
import { withinLimit } from "@slipway/git/transfer";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import { insistOnHub } from "./insist.ts";

export type Merge =
  | { readonly kind: "merged"; readonly oid: string }
  | { readonly kind: "conflict"; readonly paths: readonly string[] }
  /** This claim's ref already holds a merge on another line, and the hub does not let a ref move sideways: the next claim has a ref of its own. */
  | { readonly kind: "refused" };

interface MergeAt {
  /** The target, or the merge before it in the train. */
  readonly targetOid: string | null;
  /** Which of the hub's stores has that: a merge that has not landed is with the jobs. */
  readonly from: "upstream" | "jobs";
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly signer?: Signer | undefined;
}

/** For fetching, merging and pushing, tries again included, in ms. */
const HUB_LIMIT_MS = 600_000;
const COMMITTER = { name: "Slipway", email: "slipway@localhost" };

/**
 * Brings the job's commit onto the target's commit (onto its own base, where the target does not exist yet) and pushes the merged commit to the
 * hub, where it is inert. The same commit onto the same target gives the same merged commit again, so that a restarted integrator goes on with
 * the verify job that there is already.
 */
export async function mergeOntoTarget(claimed: ClaimedCompletion, at: MergeAt): Promise<Merge> {
  return await withinLimit(at.signal, HUB_LIMIT_MS, (signal) => insistOnHub(() => mergeAndPush(claimed, { ...at, signal }), signal));
}

async function mergeAndPush(claimed: ClaimedCompletion, at: MergeAt): Promise<Merge> {
  const { completion, hub } = claimed;
  const { signal } = at;
  const ontoOid = at.targetOid ?? completion.baseOid;
  const repository = await openWorkerRepository(at.folder, hub, signal);
  await fetchCommit(repository, hub, ontoOid, at.from, signal);
  await fetchCommit(repository, hub, completion.oid, "jobs", signal);
  const merged = await mergeOnto(repository, {
    commitOid: completion.oid,
    baseOid: completion.baseOid,
    ontoOid,
    style: claimed.style,
    mergePrefix: `Merge job ${claimed.job.number}: `,
    committer: { ...COMMITTER, date: `@${Math.floor(completion.createdAt / 1_000)} +0000` },
  });
  if (merged.kind === "conflict") return merged;
  const oid = at.signer ? await signCommits(repository.jobsGit, { ontoOid, oid: merged.oid }, at.signer, signal) : merged.oid;
  try {
    // A merge that is made again, because its target moved, takes the place of the one before.
    await pushCommit(repository, hub, oid, hub.pushRef, signal, { replace: true });
  } catch (error) {
    if (isRefusal(error)) return { kind: "refused" };
    throw error;
  }
  return { kind: "merged", oid };
}

/** Whether the hub took the push in and then said no, as against not being reached. */
function isRefusal(error: unknown): boolean {
  return error instanceof SlipwayError && typeof error.details["stderr"] === "string" && error.details["stderr"].includes("[remote rejected]");
}
