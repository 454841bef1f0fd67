import { land, readBranch } from "@slipway/git/hub";
import { notePushed } from "@slipway/git/upstream";
import type { Excuse } from "@slipway/protocol/baseline";
import { SlipwayError } from "@slipway/protocol/errors";
import type { CompletionView } from "@slipway/protocol/job";
import type { ControlPlane } from "../control-plane.ts";
import { mergeRef } from "../hub/hub-access.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { announce } from "../jobs/announce.ts";
import { findJob } from "../jobs/find-job.ts";
import type { CompletionRow } from "../store/store.ts";
import { offerLanding } from "../upstream/offer-landing.ts";
import { chainOf, holdBatch } from "./batches.ts";
import { handOver } from "./delivery/hand-over.ts";
import { findCompletion, holdCompletion } from "./hold.ts";
import { insistOnInvariants } from "./invariants.ts";
import { noteLanding } from "./notes.ts";
import { type Judgement, judge, type Merged } from "./verify.ts";

/**
 * Lands a merged commit: checks it, writes the intent, moves the target by compare-and-swap, marks the job done. A crash between two steps is mended
 * by `recoverLandings` at the next start. TARGET_MOVED where the target is not what was merged onto; RECEIPT_MISSING where a gate has no receipt;
 * LANDING_UNSAFE where the merge is not what it should be.
 */
export async function landCompletion(plane: ControlPlane, id: string, fence: number, merged: Merged): Promise<CompletionView> {
  const before = await findCompletion(plane, id);
  // The answer of the first call was lost on its way.
  if (before.state === "landed" && before.fence === fence && before.mergedOid === merged.mergedOid) return before;
  const completion = await holdCompletion(plane, id, fence);
  const held = await holdBatch(plane, completion, merged.batch);
  const { tree, excused, config } = await checkLanding(plane, completion, held, merged);
  const flakyGates = await plane.store.flakyGatesOf(id);
  for (const { gate, excuse } of excused) await tell(plane, completion, `It lands although the gate ${gate} is red: ${EXCUSE_TEXTS[excuse]}.`);
  for (const gate of flakyGates) await tell(plane, completion, flakyText(gate));
  const job = await findJob(plane.store, completion.jobId);
  if (job.landing === "pr" || job.landing === "branch") return await handOver(plane, { job, completion, fence, merged, tree, config });
  // From the intent to the mark this call alone decides; what it cannot finish is `recoverLandings`' to settle.
  plane.landing.add(id);
  try {
    const { expectedOld: oldOid, mergedOid: newOid, batch } = merged;
    await plane.store.intendLanding(id, fence, { target: completion.target, oldOid, newOid, tree, flakyGates, batch });
    const offer = await offerLanding(plane, completion, merged);
    if (offer !== "moved" && (await moveTarget(plane, completion, fence, merged))) {
      if (offer === "pushed") await notePushed(hubRoot(plane.folder, completion.repoId), completion.target, merged.mergedOid);
      return await markLanded(plane, id);
    }
    await plane.store.withdrawLanding(id, fence);
  } finally {
    plane.landing.delete(id);
  }
  throw new SlipwayError("TARGET_MOVED", undefined, { target: completion.target, expectedOld: merged.expectedOld });
}

const EXCUSE_TEXTS: Readonly<Record<Excuse, string>> = {
  before: "by the same failure that the target has without this change (`baseline: tolerate`)",
  quarantined: "by a failure that comes and goes and is quarantined (`slipway gates` lists it)",
};

function flakyText(gate: string): string {
  return `It lands although the gate ${gate} was red on a merged tree of it at first: it was green when the same tree was verified again.`;
}

/** Whoever reads the job's events learns that not all was green. */
async function tell(plane: ControlPlane, { jobId }: CompletionRow, text: string): Promise<void> {
  await plane.store.addEvent(jobId, { kind: "notice", data: { level: "warning", text } });
  plane.events.changed(jobId, "events");
}

/** What is known of the merged tree, where everything speaks for its landing. */
async function checkLanding(plane: ControlPlane, completion: CompletionRow, held: readonly CompletionRow[], merged: Merged): Promise<Judgement> {
  const judgement = await judge(plane, completion, merged);
  const { missing, tree } = judgement;
  if (missing.length > 0) {
    const gates = missing.map(({ name }) => name);
    throw new SlipwayError("RECEIPT_MISSING", `The tree has no receipt for ${gates.join(", ")}.`, { tree, gates });
  }
  for (const one of chainOf(held, completion, merged)) await insistOnInvariants(plane, one.completion, one.merged);
  return judgement;
}

/** True where the target now holds the merged commit, even where git failed after it moved the ref. */
async function moveTarget(plane: ControlPlane, { id, repoId, target }: CompletionRow, fence: number, merged: Merged): Promise<boolean> {
  const root = hubRoot(plane.folder, repoId);
  try {
    return (await land(root, { branch: target, oldOid: merged.expectedOld, newOid: merged.mergedOid, jobRef: mergeRef(id, fence) })) === "landed";
  } catch (error) {
    if ((await readBranch(root, target)) === merged.mergedOid) return true;
    await plane.store.withdrawLanding(id, fence);
    throw error;
  }
}

/** The ref shows the landing, so the mark no longer depends on anybody's lease. */
export async function markLanded(plane: ControlPlane, completionId: string): Promise<CompletionView> {
  const { completion, job, batch } = await plane.store.markLanded(completionId, null);
  const jobs = [...batch.map((other) => other.job), job];
  for (const landed of jobs) announce(plane, landed);
  // A verify job that nobody waits for any more is the reaper's to end.
  plane.scheduleChanged();
  plane.targetChanged(completion.repoId, completion.target);
  for (const { id } of jobs) await noteLanding(plane, id);
  plane.upstreamChanged(job.repo.id);
  return completion;
}
