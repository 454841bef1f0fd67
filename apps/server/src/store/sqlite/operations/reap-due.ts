import type { ErrorCode } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/job";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { readJobView } from "../job-view.ts";
import { moveJob } from "../moves.ts";
import type { JobTable } from "../tables.ts";
import { endLease } from "./end-lease.ts";

type Reaped = Awaited<ReturnType<Store["reap"]>>;

// A failed job is due no more, so the next round begins behind it; one that is put off comes again at its new time.
const DUE = `SELECT * FROM jobs INDEXED BY jobs_due WHERE due_at IS NOT NULL AND due_at <= ${NOW} ORDER BY due_at LIMIT @limit`;

/** Ends the states that lasted too long: nothing waits without an end. */
export function reapDue(db: Database, reaped: Reaped, limit: number): void {
  for (const job of db.all<JobTable>(DUE, { limit })) {
    if (job.state === "queued") failQueued(db, job, reaped);
    else if (job.state === "running") endOverdue(db, job, reaped);
    else if (job.state === "integrating") failIntegrating(db, job, reaped);
    else failBlocked(db, job, reaped);
  }
}

function failQueued(db: Database, job: JobTable, reaped: Reaped): void {
  const message = `No worker took the job in ${duration(job.queue_timeout_ms)}.`;
  timeOut(db, job, { code: "QUEUE_TIMEOUT", message, details: { queueTimeoutMs: job.queue_timeout_ms, requires: JSON.parse(job.requires) } }, reaped);
}

function endOverdue(db: Database, job: JobTable, reaped: Reaped): void {
  const message = `Attempt ${job.attempts} of ${job.max_attempts} took longer than its ${duration(job.timeout_ms)}, and its worker did not end it.`;
  endLease(db, job, { code: "ATTEMPT_TIMEOUT", message, details: { timeoutMs: job.timeout_ms, workerId: job.worker_id } }, reaped);
}

// An integrator that holds the lease is at work, and a written intent is settled by its mark or its withdrawal: then the time comes behind that.
const OPEN = `
  SELECT id, fence, CASE WHEN state = 'landing' THEN ${NOW} + 10000 WHEN lease_until > ${NOW} THEN lease_until END AS busyUntil
  FROM completions WHERE job = @number AND state IN ('pending', 'landing')`;
const DELIVERING = "SELECT 1 FROM deliveries WHERE job = @number AND state IN ('pushing', 'opening')";
const PUT_OFF = "UPDATE jobs SET due_at = @busyUntil WHERE number = @number";
const PUT_OFF_DELIVERY = `UPDATE jobs SET due_at = ${NOW} + 10000 WHERE number = @number`;
const GIVE_UP = "UPDATE completions SET state = 'rejected', lease_until = NULL WHERE id = @id AND state = 'pending'";

function failIntegrating(db: Database, job: JobTable, reaped: Reaped): void {
  const { number } = job;
  const completion = db.get<{ id: string; fence: number; busyUntil: number | null }>(OPEN, { number });
  if (!completion) {
    // With its delivery, which has an end of its own.
    if (!db.get(DELIVERING, { number })) throw new Error(`job ${number} is integrating without a completion`);
    db.run(PUT_OFF_DELIVERY, { number });
    return;
  }
  if (completion.busyUntil !== null) {
    db.run(PUT_OFF, { number, busyUntil: completion.busyUntil });
    return;
  }
  db.run(GIVE_UP, { id: completion.id });
  const message = `The job's commit was not integrated onto ${job.target} in ${duration(db.stateLimits.integratingMs)}.`;
  const details = { completion: completion.id, oid: job.result_oid, target: job.target, claims: completion.fence };
  timeOut(db, job, { code: "INTEGRATION_TIMEOUT", message, details }, reaped);
}

const WITHDRAW = "UPDATE deliveries SET state = 'withdrawn', due_at = NULL WHERE job = @number AND state = 'blocked'";

/** Its own failure stays the reason: that nobody did something about it is only how it ended. */
function failBlocked(db: Database, job: JobTable, reaped: Reaped): void {
  db.run(WITHDRAW, { number: job.number });
  const own: Failure = job.failure === null ? { code: "INTERNAL", message: "A person had to act.", details: {} } : JSON.parse(job.failure);
  timeOut(db, job, { ...own, message: `Nobody acted on it in ${duration(db.stateLimits.blockedMs)}: ${own.message}` }, reaped);
}

function timeOut(db: Database, { number, state }: JobTable, failure: Failure & { code: ErrorCode }, reaped: Reaped): void {
  moveJob(db, { number, fence: null, from: state, on: "time-out", reason: failure.message, code: failure.code }, failure);
  reaped.failed.push(readJobView(db, number));
}

function duration(ms: number): string {
  if (ms >= 2 * 86_400_000) return `${Math.round(ms / 86_400_000)} days`;
  if (ms >= 2 * 3_600_000) return `${Math.round(ms / 3_600_000)} hours`;
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : `${ms / 1_000} s`;
}
