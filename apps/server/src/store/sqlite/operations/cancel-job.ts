import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { Actor } from "../../rows.ts";
import type { Store } from "../../store.ts";
import { endAttempt } from "../attempts.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { readJobView, requireJob } from "../job-view.ts";
import { moveJob } from "../moves.ts";
import type { JobTable } from "../tables.ts";

type Cancelled = Awaited<ReturnType<Store["cancelJob"]>>;
type Revoked = NonNullable<Cancelled["revoked"]>;

// `landing` is the intent: from there on the ref may already have moved, and only its mark or its withdrawal may follow.
const CANCEL_COMPLETION = "UPDATE completions SET state = 'cancelled', lease_until = NULL WHERE job = @number AND state = 'pending' RETURNING id";
// Handed over to a delivery, which is then withdrawn: what it had under way finds that out by its next step.
const CANCEL_DELIVERED = "UPDATE completions SET state = 'cancelled' WHERE job = @number AND state = 'landed' AND landed_oid IS NULL";
// The pull request of a branch is that of the job that the branch was made for; what revises it takes nothing else along.
const WITHDRAW = `
  UPDATE deliveries SET state = 'withdrawn', due_at = CASE WHEN mode = 'pr' AND job = of_job THEN ${NOW} END
  WHERE job = @number AND state IN ('pushing', 'opening', 'blocked')`;
const LANDING = "SELECT 1 FROM completions WHERE job = @number AND state = 'landing'";

export function cancelJob(db: Database, id: string, reason: string, by?: Actor): Cancelled {
  const job = requireJob(db, id);
  if (job.state === "cancelled") {
    recordAct(db, by, { action: "cancelJob", kind: "job", key: id, outcome: "unchanged" });
    return { job: readJobView(db, job.number), revoked: null };
  }
  if (job.state === "done" || job.state === "failed") throw new SlipwayError("CONFLICT", `Job ${job.number} is ${job.state} already.`, { state: job.state });
  if (db.get(LANDING, { number: job.number })) {
    throw new SlipwayError("CONFLICT", `Job ${job.number} is landing right now.`, { state: job.state });
  }
  const revoked = cancelActive(db, job, reason);
  const completion = db.get<{ id: string }>(CANCEL_COMPLETION, { number: job.number });
  db.run(CANCEL_DELIVERED, { number: job.number });
  db.run(WITHDRAW, { number: job.number });
  const verification = completion ? (cancelVerifications(db, completion.id).revoked[0] ?? null) : null;
  recordAct(db, by, { action: "cancelJob", kind: "job", key: id, outcome: "ok" });
  return { job: readJobView(db, job.number), revoked: revoked ?? verification };
}

const ACTIVE_VERIFICATIONS = `
  SELECT * FROM jobs WHERE completion_id = @completionId AND kind = 'verify' AND state IN ('queued', 'running', 'integrating', 'blocked')
    AND base_oid IS NOT @except`;

/** Cancels what is still to be verified for a completion, but for this merged commit of it, and says which leases that takes away. */
export function cancelVerifications(db: Database, completionId: string, except: string | null = null): { cancelled: JobView[]; revoked: Revoked[] } {
  const verifications = db.all<JobTable>(ACTIVE_VERIFICATIONS, { completionId, except });
  // Where it is merged onto the same commit again after all, it is verified anew.
  const details = except === null ? {} : { superseded: true };
  const revoked = verifications.map((job) => cancelActive(db, job, "the merge that it verifies is no longer waited for", details));
  return { cancelled: verifications.map((job) => readJobView(db, job.number)), revoked: revoked.filter((lease) => lease !== null) };
}

function cancelActive(db: Database, job: JobTable, reason: string, details = {}): Revoked | null {
  const running = job.state === "running";
  if (running) endAttempt(db, job.number, job.fence, { outcome: "cancelled", failure: null, reported: null });
  const move = { number: job.number, fence: running ? job.fence : null, from: job.state, on: "cancel", reason, code: "CANCELLED" } as const;
  moveJob(db, move, { code: "CANCELLED", message: reason, details });
  return running && job.worker_id !== null ? { jobId: job.id, workerId: job.worker_id, fence: job.fence } : null;
}
