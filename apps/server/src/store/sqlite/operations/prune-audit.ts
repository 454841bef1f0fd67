import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const PRUNE = `
  DELETE FROM audit WHERE seq IN (SELECT seq FROM audit INDEXED BY audit_by_time WHERE last_at <= ${NOW} - @retentionMs ORDER BY last_at LIMIT @limit)`;

export function pruneAudit(db: Database, retentionMs: number, limit: number): number {
  return db.run(PRUNE, { retentionMs, limit });
}
