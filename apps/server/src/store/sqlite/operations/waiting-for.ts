import type { JobState } from "@slipway/protocol/states";
import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import { closedDayOf } from "../closed-days.ts";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";

const DEPENDENCIES = `
  SELECT j.id, j.number, j.state FROM dependencies d JOIN jobs j ON j.number = d.depends_on
  WHERE d.job = @number AND j.state <> 'done' ORDER BY j.number`;

// Jobs that wait for others have no due time of their own: what holds those up does.
const DEPENDENCIES_DUE = `
  WITH RECURSIVE waits (number) AS (
    SELECT depends_on FROM dependencies WHERE job = @number
    UNION
    SELECT d.depends_on FROM waits w JOIN jobs j ON j.number = w.number AND j.state = 'queued' AND j.unmet > 0 JOIN dependencies d ON d.job = w.number
  )
  SELECT min(due_at) AS dueAt FROM waits JOIN jobs USING (number)`;

// Verify jobs do not count against the limit: see claim.ts.
const LIMITS = `
  SELECT r.max_running AS repoLimit,
    (SELECT count(*) FROM jobs b WHERE b.repo_id = j.repo_id AND b.state = 'running' AND b.kind = 'task') AS repoRunning,
    CASE WHEN j.run_after > ${NOW} THEN j.run_after END AS runAfter,
    (SELECT count(*) FROM jobs q WHERE q.state = 'queued' AND q.unmet = 0 AND (q.run_after IS NULL OR q.run_after <= ${NOW})
      AND (q.claim_rank, q.number) < (j.claim_rank, j.number)) AS ahead
  FROM jobs j JOIN repositories r ON r.id = j.repo_id WHERE j.number = @number`;

export function waitingFor(db: Database, ...[id, day]: Parameters<Store["waitingFor"]>): Awaited<ReturnType<Store["waitingFor"]>> {
  const { number } = requireJob(db, id);
  const limits = db.get<{ repoLimit: number; repoRunning: number; runAfter: number | null; ahead: number }>(LIMITS, { number });
  if (!limits) throw new Error(`job ${number} has no repository`);
  const dependencies = db.all<{ id: string; number: number; state: JobState }>(DEPENDENCIES, { number });
  const dependenciesDueAt = dependencies.length > 0 ? (db.get<{ dueAt: number | null }>(DEPENDENCIES_DUE, { number })?.dueAt ?? null) : null;
  return { dependencies, dependenciesDueAt, closedDay: day ? closedDayOf(db, number, day) : null, ...limits };
}
