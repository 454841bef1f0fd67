import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { Actor } from "../../rows.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { readJobView, requireJob } from "../job-view.ts";
import { moveJob } from "../moves.ts";

const START_ANEW = `UPDATE jobs SET attempts = 0, run_after = NULL, due_at = ${NOW} + queue_timeout_ms WHERE number = @number`;

/** A person has acted, so the job gets all its attempts again. */
export function unblockJob(db: Database, id: string, by?: Actor): JobView {
  const job = requireJob(db, id);
  if (job.state !== "blocked") throw new SlipwayError("CONFLICT", `Job ${job.number} is ${job.state}, not blocked.`, { state: job.state });
  moveJob(db, { number: job.number, fence: null, from: "blocked", on: "retry", reason: "a person asked for another try" }, null);
  db.run(START_ANEW, { number: job.number });
  recordAct(db, by, { action: "retryJob", kind: "job", key: id, outcome: "ok" });
  return readJobView(db, job.number);
}
