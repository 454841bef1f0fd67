import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

// What was accepted of a job lies below its own refs, and is needed for as long as the job that was made of it.
const JOBS = `
  SELECT j.id, j.result_oid AS resultOid, j.landed_oid AS landedOid,
    COALESCE(j.ended_at <= ${NOW} - @retentionMs, 0) AND NOT EXISTS (
      SELECT 1 FROM acceptances a JOIN jobs n ON n.number = a.job
      WHERE a.of_job = j.number AND (n.ended_at IS NULL OR n.ended_at > ${NOW} - @retentionMs)
    ) AS isExpired
  FROM jobs j WHERE j.id IN (SELECT value FROM json_each(@ids))`;

interface Row {
  id: string;
  resultOid: string | null;
  landedOid: string | null;
  isExpired: number;
}

export function hubJobs(db: Database, ids: readonly string[], retentionMs: number): Awaited<ReturnType<Store["hubJobs"]>> {
  return db.all<Row>(JOBS, { ids: JSON.stringify(ids), retentionMs }).map((row) => ({ ...row, isExpired: row.isExpired === 1 }));
}
