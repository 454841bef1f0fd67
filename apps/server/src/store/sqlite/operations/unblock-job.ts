import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { Actor } from "../../rows.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { readJobView, requireJob } from "../job-view.ts";
import { moveJob } from "../moves.ts";

const START_ANEW = `UPDATE jobs SET attempts = 0, run_after = NULL, due_at = ${NOW} + queue_timeout_ms WHERE number = @number`;

// Its commit was verified and is there: it is merged onto the target as that is now, and needs no agent.
const DELIVERY = "SELECT 1 FROM deliveries WHERE job = @number AND state = 'blocked'";
const COMPLETE_AGAIN = `
  INSERT INTO completions (id, job, repo_id, oid, base_oid, target, state, created_at)
  SELECT @completionId, job, repo_id, oid, base_oid, target, 'pending', ${NOW} FROM completions WHERE job = @number ORDER BY seq DESC LIMIT 1`;

/** A person has acted, so the job gets all its attempts again. `completionId`: of the completion that a delivery is tried again with. */
export function unblockJob(db: Database, id: string, by: Actor | undefined, { completionId }: { completionId: string }): JobView {
  const job = requireJob(db, id);
  if (job.state !== "blocked") throw new SlipwayError("CONFLICT", `Job ${job.number} is ${job.state}, not blocked.`, { state: job.state });
  if (db.get(DELIVERY, { number: job.number })) {
    moveJob(db, { number: job.number, fence: null, from: "blocked", on: "deliver-again", reason: "a person asked for another try of its delivery" }, null);
    db.run(COMPLETE_AGAIN, { number: job.number, completionId });
    recordAct(db, by, { action: "retryJob", kind: "job", key: id, outcome: "ok" });
    return readJobView(db, job.number);
  }
  moveJob(db, { number: job.number, fence: null, from: "blocked", on: "retry", reason: "a person asked for another try" }, null);
  db.run(START_ANEW, { number: job.number });
  recordAct(db, by, { action: "retryJob", kind: "job", key: id, outcome: "ok" });
  return readJobView(db, job.number);
}
