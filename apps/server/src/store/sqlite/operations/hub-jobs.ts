import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const JOBS = `
  SELECT id, result_oid AS resultOid, landed_oid AS landedOid, COALESCE(ended_at <= ${NOW} - @retentionMs, 0) AS isExpired
  FROM jobs WHERE id IN (SELECT value FROM json_each(@ids))`;

interface Row {
  id: string;
  resultOid: string | null;
  landedOid: string | null;
  isExpired: number;
}

export function hubJobs(db: Database, ids: readonly string[], retentionMs: number): Awaited<ReturnType<Store["hubJobs"]>> {
  return db.all<Row>(JOBS, { ids: JSON.stringify(ids), retentionMs }).map((row) => ({ ...row, isExpired: row.isExpired === 1 }));
}
