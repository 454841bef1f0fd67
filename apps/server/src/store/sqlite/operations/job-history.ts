import { HISTORY_JOBS, HISTORY_MIN_JOBS } from "@slipway/protocol/scorecard";
import type { Store } from "../../store.ts";
import type { Database } from "../database.ts";
import { requireJob } from "../job-view.ts";

// INDEXED BY: the newest few of the same kind stand together there, however many jobs there are.
const TIMES = `
  SELECT j.ended_at - (SELECT a.started_at FROM attempts a WHERE a.job = j.number ORDER BY a.fence LIMIT 1) AS ms
  FROM jobs j INDEXED BY jobs_history
  WHERE j.repo_id = @repoId AND j.backend = @backend AND j.kind = 'task' AND j.state = 'done' AND j.number < @number
  ORDER BY j.number DESC LIMIT ${HISTORY_JOBS}`;

export function jobHistory(db: Database, jobId: string): Awaited<ReturnType<Store["jobHistory"]>> {
  const { repo_id: repoId, backend, number } = requireJob(db, jobId);
  // One that a person accepted had no attempts of its own.
  const times = db.all<{ ms: number | null }>(TIMES, { repoId, backend, number }).flatMap(({ ms }) => (ms === null ? [] : [Math.max(0, ms)]));
  return { jobs: times.length, medianMs: times.length < HISTORY_MIN_JOBS ? null : median(times) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
