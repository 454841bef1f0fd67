import type { Store } from "../../store.ts";
import { completionView, requireCompletion } from "../completion-view.ts";
import type { Database } from "../database.ts";
import { COMPLETION_LEASE_LIVES, completionLeaseLost } from "../fence.ts";
import { readJobView } from "../job-view.ts";
import { moveJob } from "../moves.ts";

// Its verify jobs are left to the reaper, which can tell their workers.
const REJECT = `UPDATE completions SET state = 'rejected', lease_until = NULL WHERE id = @id AND ${COMPLETION_LEASE_LIVES}`;

const REMEMBER = "UPDATE job_specs SET revision = @revision, predicted = NULL WHERE job = @number";
// From here on the change is measured against the target as it is now. The attempt that made it did not fail: it is no try that counts.
const START_FROM = "UPDATE jobs SET base_oid = @targetOid, attempts = max(0, attempts - 1) WHERE number = @number";

export function rejectCompletion(
  db: Database,
  ...[id, fence, failure, revise]: Parameters<Store["rejectCompletion"]>
): Awaited<ReturnType<Store["rejectCompletion"]>> {
  const rejected = db.run(REJECT, { id, fence });
  const completion = requireCompletion(db, id);
  const repeated = completion.state === "rejected" && completion.fence === fence;
  if (rejected === 0 && !repeated) throw completionLeaseLost(id, fence);
  if (rejected === 1) {
    const { code, message } = failure;
    const number = completion.job;
    const move = { number, fence: null, from: "integrating", code } as const;
    const moved = revise
      ? moveJob(db, { ...move, on: "revise", reason: revise.reason }, null)
      : moveJob(db, { ...move, on: "reject", reason: message }, failure);
    if (!moved) throw new Error(`completion ${id} was pending, but its job was not integrating`);
    if (revise) {
      db.run(REMEMBER, { number, revision: JSON.stringify(revise.revision) });
      db.run(START_FROM, { number, targetOid: revise.revision.targetOid });
    }
  }
  return { completion: completionView(completion), job: readJobView(db, completion.job) };
}
