import { WAIT_GRACE_MS } from "../../state-limits.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const JOBS = `UPDATE jobs SET lease_until = ${NOW} + @leaseTtlMs WHERE state = 'running'`;
const COMPLETIONS = `UPDATE completions SET lease_until = ${NOW} + @leaseTtlMs WHERE state = 'pending' AND lease_until IS NOT NULL`;

const WAITS = `
  UPDATE jobs INDEXED BY jobs_due SET due_at = max(due_at, ${NOW} + min(@graceMs,
    CASE state WHEN 'queued' THEN queue_timeout_ms WHEN 'running' THEN timeout_ms + @overtimeMs ELSE @graceMs END))
  WHERE due_at IS NOT NULL AND due_at < ${NOW} + @graceMs`;

/** Not the later of the two times: after a clock jump the stored one may lie far in the future. */
export function graceLeases(db: Database, leaseTtlMs: number): number {
  db.run(WAITS, { graceMs: WAIT_GRACE_MS, ...db.stateLimits });
  return db.run(JOBS, { leaseTtlMs }) + db.run(COMPLETIONS, { leaseTtlMs });
}
