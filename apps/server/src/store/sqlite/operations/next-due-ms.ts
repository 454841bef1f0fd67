import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// Every line is one step into a partial index, and INDEXED BY keeps it so: the planner prefers the large index by state.
const NEXT = `
  SELECT min(due) - ${NOW} AS dueMs FROM (
    SELECT min(lease_until) AS due FROM jobs INDEXED BY jobs_leases WHERE state = 'running'
    UNION ALL SELECT min(lease_until) FROM completions WHERE state = 'pending' AND lease_until IS NOT NULL
    UNION ALL SELECT min(due_at) FROM jobs INDEXED BY jobs_due WHERE due_at IS NOT NULL
    UNION ALL SELECT min(run_after) FROM jobs INDEXED BY jobs_delayed WHERE state = 'queued' AND run_after IS NOT NULL AND run_after > ${NOW}
    UNION ALL SELECT min(open_until) FROM circuits WHERE canary_job IS NULL AND open_until > ${NOW}
    UNION ALL SELECT (${NOW} / 86400000 + 1) * 86400000 WHERE EXISTS (SELECT 1 FROM day_refusals WHERE day = date(${NOW} / 1000, 'unixepoch'))
    UNION ALL SELECT ${NOW} WHERE EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_broken WHERE state = 'queued' AND broken_dependency IS NOT NULL)
    UNION ALL SELECT ${NOW} WHERE EXISTS (
      SELECT 1 FROM jobs j INDEXED BY jobs_active_verifications JOIN completions c ON c.id = j.completion_id
      WHERE j.kind = 'verify' AND j.state IN ('queued', 'running', 'integrating', 'blocked') AND c.state IN ('landed', 'rejected', 'cancelled')
    )
  )`;

export function nextDueMs(db: Database): number | null {
  const dueMs = db.get<{ dueMs: number | null }>(NEXT)?.dueMs ?? null;
  return dueMs === null ? null : Math.max(0, dueMs);
}
