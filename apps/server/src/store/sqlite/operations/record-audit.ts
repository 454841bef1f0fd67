import type { NewAuditEntry } from "../../rows.ts";
import { recordAct } from "../audit.ts";
import type { Database } from "../database.ts";

export function recordAudit(db: Database, { action, by, object, outcome }: NewAuditEntry): void {
  recordAct(db, by, { action, kind: object?.kind ?? null, key: object?.key ?? null, outcome });
}
