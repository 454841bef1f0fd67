import type { Store } from "../../store.ts";
import { completionView, requireCompletion } from "../completion-view.ts";
import type { Database } from "../database.ts";
import { COMPLETION_LEASE_LIVES, completionLeaseLost } from "../fence.ts";
import { readJobView } from "../job-view.ts";
import { moveJob } from "../moves.ts";

// Its verify jobs are left to the reaper, which can tell their workers.
const REJECT = `UPDATE completions SET state = 'rejected', lease_until = NULL WHERE id = @id AND ${COMPLETION_LEASE_LIVES}`;

export function rejectCompletion(db: Database, ...[id, fence, failure]: Parameters<Store["rejectCompletion"]>): Awaited<ReturnType<Store["rejectCompletion"]>> {
  const rejected = db.run(REJECT, { id, fence });
  const completion = requireCompletion(db, id);
  const repeated = completion.state === "rejected" && completion.fence === fence;
  if (rejected === 0 && !repeated) throw completionLeaseLost(id, fence);
  if (rejected === 1) {
    const { code, message } = failure;
    const moved = moveJob(db, { number: completion.job, fence: null, from: "integrating", on: "reject", reason: message, code }, failure);
    if (!moved) throw new Error(`completion ${id} was pending, but its job was not integrating`);
  }
  return { completion: completionView(completion), job: readJobView(db, completion.job) };
}
