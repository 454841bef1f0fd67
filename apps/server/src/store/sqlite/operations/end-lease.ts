import type { Failure } from "@slipway/protocol/job";
import type { Store } from "../../store.ts";
import { endAttempt } from "../attempts.ts";
import type { Database } from "../database.ts";
import { readJobView } from "../job-view.ts";
import { moveJob } from "../moves.ts";
import type { JobTable } from "../tables.ts";

type Reaped = Awaited<ReturnType<Store["reap"]>>;

/** Takes a running job from its worker: it is tried again, or fails where no attempt is left. */
export function endLease(db: Database, job: JobTable, cause: Failure, reaped: Reaped): void {
  const { number, fence } = job;
  // A lost lease is told by the outcome alone; what else ended the attempt is its failure.
  endAttempt(db, number, fence, { outcome: "expired", failure: cause.code === "LEASE_LOST" ? null : cause, reported: null });
  const move = { number, fence, from: "running", ...(job.worker_id && { workerId: job.worker_id }) } as const;
  if (job.attempts < job.max_attempts) {
    moveJob(db, { ...move, on: "expire", reason: cause.message, code: cause.code }, null);
    reaped.requeued.push(readJobView(db, number));
  } else {
    const failure = lastFailure(db, number) ?? cause;
    moveJob(db, { ...move, on: "exhaust", reason: `${cause.message} No attempt is left.`, code: failure.code }, failure);
    reaped.failed.push(readJobView(db, number));
  }
  if (job.worker_id) reaped.revoked.push({ workerId: job.worker_id, jobId: job.id, fence });
}

// What an earlier attempt failed with says more than the lost lease; a worker's stop does not.
const FAILURES = "SELECT failure FROM attempts WHERE job = @number AND failure IS NOT NULL ORDER BY fence DESC";

function lastFailure(db: Database, number: number): Failure | undefined {
  const failures = db.all<{ failure: string }>(FAILURES, { number }).map((row): Failure => JSON.parse(row.failure));
  return failures.find((failure) => failure.code !== "WORKER_STOPPED");
}
