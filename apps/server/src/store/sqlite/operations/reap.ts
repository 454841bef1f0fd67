import type { Failure, JobView } from "@slipway/protocol/job";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { readJobView } from "../job-view.ts";
import { moveJob } from "../moves.ts";
import type { JobTable } from "../tables.ts";
import { cancelVerifications } from "./cancel-job.ts";
import { endLease } from "./end-lease.ts";
import { reapDue } from "./reap-due.ts";

type Reaped = Awaited<ReturnType<Store["reap"]>>;

// INDEXED BY throughout: the planner prefers the large index by state to the small partial ones.
// What one call does at most of each kind: the rest stays due, and `nextDueMs` says 0.
const LIMIT = 500;

const EXPIRED = `SELECT * FROM jobs INDEXED BY jobs_leases WHERE state = 'running' AND lease_until <= ${NOW} ORDER BY lease_until LIMIT ${LIMIT}`;

export function reap(db: Database): Reaped {
  const reaped: Reaped = { requeued: [], failed: [], cancelled: [], revoked: [], freedCompletions: freeCompletions(db) };
  for (const job of db.all<JobTable>(EXPIRED)) endLease(db, job, lostLease(job), reaped);
  reapDue(db, reaped, LIMIT);
  failBroken(db, reaped);
  cancelOrphans(db, reaped);
  return reaped;
}

function lostLease({ attempts, max_attempts }: JobTable): Failure {
  return { code: "LEASE_LOST", message: `Attempt ${attempts} of ${max_attempts}: the worker did not renew its lease.`, details: {} };
}

// A written intent is not freed: the ref may have moved already, so its mark or withdrawal must come first.
const FREE = `
  UPDATE completions SET lease_until = NULL, claim_id = NULL, integrator_id = NULL, credential_sha256 = NULL
  WHERE state = 'pending' AND lease_until <= ${NOW}`;

function freeCompletions(db: Database): number {
  return db.run(FREE);
}

const BROKEN = `
  SELECT j.number, d.id AS dependencyId, d.number AS dependencyNumber, d.state AS dependencyState, d.failure AS dependencyFailure
  FROM jobs j INDEXED BY jobs_broken JOIN jobs d ON d.number = j.broken_dependency
  WHERE j.state = 'queued' AND j.broken_dependency IS NOT NULL ORDER BY j.number LIMIT ${LIMIT}`;

/** Each failure may break further jobs, so it looks again until there is none, or the limit is reached. */
function failBroken(db: Database, reaped: Reaped): void {
  for (let left = LIMIT; left > 0; ) {
    const broken = db.all<BrokenRow>(BROKEN);
    if (broken.length === 0) return;
    left -= broken.length;
    for (const row of broken) reaped.failed.push(failBrokenJob(db, row));
  }
}

interface BrokenRow {
  number: number;
  dependencyId: string;
  dependencyNumber: number;
  dependencyState: string;
  dependencyFailure: string | null;
}

function failBrokenJob(db: Database, row: BrokenRow): JobView {
  const cause: Failure | null = row.dependencyFailure === null ? null : JSON.parse(row.dependencyFailure);
  const code = cause?.code ?? "CANCELLED";
  const how = row.dependencyState === "cancelled" ? "was cancelled" : `failed with ${code}`;
  const message = `Job ${row.dependencyNumber}, which this job depends on, ${how}.`;
  const details = { dependency: row.dependencyId, dependencyNumber: row.dependencyNumber };
  moveJob(db, { number: row.number, fence: null, from: "queued", on: "fail", reason: message, code }, { code, message, details });
  return readJobView(db, row.number);
}

const ORPHANS = `
  SELECT DISTINCT j.completion_id AS completionId FROM jobs j INDEXED BY jobs_active_verifications JOIN completions c ON c.id = j.completion_id
  WHERE j.kind = 'verify' AND j.state IN ('queued', 'running', 'integrating', 'blocked') AND c.state IN ('landed', 'rejected', 'cancelled')`;

/** Verify jobs of a completion that has ended: nobody waits for their receipts. */
function cancelOrphans(db: Database, reaped: Reaped): void {
  for (const { completionId } of db.all<{ completionId: string }>(ORPHANS)) {
    const { cancelled, revoked } = cancelVerifications(db, completionId);
    reaped.cancelled.push(...cancelled);
    reaped.revoked.push(...revoked);
  }
}
