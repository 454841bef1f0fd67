import type { AuditEntry } from "@slipway/protocol/audit";
import type { Store } from "../../store.ts";
import { type AuditTable, auditEntry } from "../audit.ts";
import type { Database } from "../database.ts";

export function listAudit(db: Database, ...[filter]: Parameters<Store["listAudit"]>): AuditEntry[] {
  const { since, job, who, actions, before, limit } = filter;
  const conditions = [
    ...(since === undefined ? [] : ["last_at >= @since"]),
    ...(job === undefined ? [] : ["(job = @job OR made_job = @job)"]),
    ...(who === undefined ? [] : ["(token_name = @who OR token_id = @who)"]),
    ...(actions ? ["action IN (SELECT value FROM json_each(@actions))"] : []),
    ...(before === undefined ? [] : ["seq < @before"]),
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : "";
  const rows = db.all<AuditTable>(`SELECT * FROM audit ${where} ORDER BY seq DESC LIMIT @limit`, {
    since: since ?? 0,
    job: job ?? 0,
    who: who ?? "",
    actions: JSON.stringify(actions ?? []),
    before: before ?? 0,
    limit,
  });
  return rows.map(auditEntry);
}
