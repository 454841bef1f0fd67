import { changedPaths, isAncestor, renamedPaths } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import type { CompletionRow } from "../store/store.ts";
import type { Merged } from "./verify.ts";

/** Paths that a message names of many. */
const NAMED = 5;

/**
 * What holds of every landing, whoever made the merge: it builds on the target, and changes no path there but those that the job changed. Where it does not
 * hold the target is frozen before anything lands on it: LANDING_UNSAFE. Whatever went wrong there would go wrong for the next change too.
 */
export async function insistOnInvariants(plane: ControlPlane, completion: CompletionRow, merged: Merged): Promise<void> {
  const reason = await broken(plane, completion, merged);
  if (reason === null) return;
  const { repoId, target, jobId, oid } = completion;
  const job = await plane.store.getJob(jobId);
  const text = `The merge of job ${job?.number ?? jobId} ${reason}`;
  await plane.store.freezeTarget(repoId, { target, code: "LANDING_UNSAFE", reason: text });
  plane.notifier.poke();
  plane.log.error({ completionId: completion.id, target, oid, ...merged }, "a landing would have broken an invariant, its target is frozen");
  await plane.store.addEvent(jobId, { kind: "notice", data: { level: "warning", text: `${text} Nothing lands on ${target} until a person resumes it.` } });
  plane.events.changed(jobId, "events");
  throw new SlipwayError("LANDING_UNSAFE", text, { target, job: job?.number, mergedOid: merged.mergedOid, expectedOld: merged.expectedOld });
}

/** The end of a sentence that begins with the merge; null where all holds. */
async function broken({ folder }: ControlPlane, { repoId, baseOid, oid, target }: CompletionRow, { mergedOid, expectedOld }: Merged): Promise<string | null> {
  const root = hubRoot(folder, repoId);
  const onto = expectedOld ?? baseOid;
  if (!(await isAncestor(root, onto, mergedOid))) return `does not build on ${target}: landing ${mergedOid} would drop commits.`;
  const own = new Set(await changedPaths(root, baseOid, oid));
  const foreign = (await changedPaths(root, onto, mergedOid)).filter((path) => !own.has(path));
  if (foreign.length === 0) return null;
  // The change of a file follows it to the name that it has on the target by now.
  const renamed = await renamedPaths(root, baseOid, onto);
  const left = foreign.filter((path) => ![...own].some((from) => renamed.get(from) === path));
  if (left.length === 0) return null;
  const named = left.slice(0, NAMED).join(", ") + (left.length > NAMED ? ` and ${left.length - NAMED} more` : "");
  return `(commit ${mergedOid}) changes files that the job did not change: ${named}.`;
}
