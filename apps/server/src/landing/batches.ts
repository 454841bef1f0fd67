import { changedPaths } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import { BATCH_MAX } from "@slipway/protocol/landing";
import { REPOSITORY_CONFIG_FILE } from "@slipway/protocol/repository-config";
import { isDocumentKind } from "@slipway/protocol/task-kinds";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { findJob } from "../jobs/find-job.ts";
import type { BatchMember, CompletionRow } from "../store/store.ts";
import { holdCompletion } from "./hold.ts";
import type { Merged } from "./verify.ts";

/**
 * What a completion has in common with those that one verification may test with it: the kind of sandbox that receipts are from. Null where it is tested alone:
 * it changes the rules that those behind are judged by, its own are others, or it does not land in the hub.
 */
export async function batchKey(plane: ControlPlane, { jobId, repoId, baseOid, oid, sandbox, waivedGates, isForeign }: CompletionRow): Promise<string | null> {
  const job = await findJob(plane.store, jobId);
  if (job.landing !== "train" || isDocumentKind(job.taskKind) || waivedGates.length > 0 || isForeign) return null;
  return (await changedPaths(hubRoot(plane.folder, repoId), baseOid, oid)).includes(REPOSITORY_CONFIG_FILE) ? null : sandbox;
}

/** The completions of a batch, with the full time of their leases again; each may be tested with the last one, `tip`. INVALID_REQUEST where it may not. */
export async function holdBatch(plane: ControlPlane, tip: CompletionRow, batch: readonly BatchMember[]): Promise<CompletionRow[]> {
  if (batch.length === 0) return [];
  const ids = [tip.id, ...batch.map(({ completion }) => completion)];
  if (batch.length >= BATCH_MAX || new Set(ids).size < ids.length) throw refused(batch, `at most ${BATCH_MAX} completions, each once`);
  const held: CompletionRow[] = [];
  for (const { completion, fence } of batch) held.push(await holdCompletion(plane, completion, fence));
  const key = await batchKey(plane, tip);
  for (const one of held) {
    const isSame = one.repoId === tip.repoId && one.target === tip.target && key !== null && (await batchKey(plane, one)) === key;
    if (!isSame) throw refused(batch, "completions of one target that may be tested together");
  }
  return held;
}

function refused(batch: readonly BatchMember[], expected: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", "These completions cannot be verified together.", { field: "batch", value: batch, expected });
}

/** Each change of a batch with what it was merged onto, the last one included. */
export function chainOf(held: readonly CompletionRow[], tip: CompletionRow, merged: Merged): Array<{ completion: CompletionRow; merged: Merged }> {
  const oids = [...merged.batch.map(({ mergedOid }) => mergedOid), merged.mergedOid];
  return [...held, tip].map((completion, index) => ({
    completion,
    merged: { mergedOid: oids[index] ?? merged.mergedOid, expectedOld: oids[index - 1] ?? merged.expectedOld, batch: [] },
  }));
}
