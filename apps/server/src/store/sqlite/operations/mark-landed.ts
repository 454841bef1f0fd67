import type { Store } from "../../store.ts";
import { completionView, requireCompletion } from "../completion-view.ts";
import type { Database } from "../database.ts";
import { completionLeaseLost } from "../fence.ts";
import { readJobView } from "../job-view.ts";
import { moveJob } from "../moves.ts";

// Verify jobs that are still about are left to the reaper, which can tell their workers. The intent, and not the lease's time, is what gives the right: the ref has moved by now, and this only says so.
const MARK = `
  UPDATE completions SET state = 'landed', landed_oid = intent_new_oid, lease_until = NULL
  WHERE id = @id AND state = 'landing' AND (@fence IS NULL OR fence = @fence)`;

// In the order of their commits.
const OTHERS = "SELECT id FROM completions WHERE batch_of = @id AND state IN ('landing', 'landed') ORDER BY place, seq";

export function markLanded(db: Database, id: string, fence: number | null): Awaited<ReturnType<Store["markLanded"]>> {
  const others = db.all<{ id: string }>(OTHERS, { id }).map((other) => markOne(db, other.id, null));
  return { ...markOne(db, id, fence), batch: others };
}

function markOne(db: Database, id: string, fence: number | null): Pick<Awaited<ReturnType<Store["markLanded"]>>, "completion" | "job"> {
  const marked = db.run(MARK, { id, fence });
  const completion = requireCompletion(db, id);
  if (marked === 0) {
    const repeated = completion.state === "landed" && (fence === null || completion.fence === fence);
    if (!repeated) throw completionLeaseLost(id, fence ?? completion.fence);
    return { completion: completionView(completion), job: readJobView(db, completion.job) };
  }
  const branch = completion.intent_target ?? completion.target;
  const landed = { landedOid: completion.landed_oid ?? "", branch };
  const moved = moveJob(db, { number: completion.job, fence: null, from: "integrating", on: "land", reason: `landed on ${branch}`, ...landed }, null);
  if (!moved) throw new Error(`completion ${id} landed, but its job was not integrating`);
  return { completion: completionView(completion), job: readJobView(db, completion.job) };
}
