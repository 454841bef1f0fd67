import type { Store } from "../../store.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const EXPIRED = `
  SELECT j.id FROM (
    SELECT number FROM jobs INDEXED BY jobs_undropped
    WHERE ended_at IS NOT NULL AND dropped_seq < last_seq AND ended_at <= ${NOW} - @retentionMs ORDER BY ended_at, number LIMIT @limit
  ) e JOIN jobs j ON j.number = e.number`;

export function expiredJobs(db: Database, retentionMs: number, limit: number): Awaited<ReturnType<Store["expiredJobs"]>> {
  return db.all<{ id: string }>(EXPIRED, { retentionMs, limit }).map(({ id }) => id);
}
