import type { Cordon } from "@slipway/protocol/worker-api";
import type { Actor } from "../../rows.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const READ = "SELECT cordon FROM workers WHERE id = @id";
const SET = `UPDATE workers SET cordon = json_object('at', ${NOW}, 'by', @name, 'reason', @reason) WHERE id = @id AND cordon IS NULL`;

export function cordonWorker(db: Database, id: string, reason: string | null, by: Actor): Cordon | undefined {
  const isNew = db.run(SET, { id, reason, name: by.tokenName }) === 1;
  const row = db.get<{ cordon: string | null }>(READ, { id });
  if (!row) return undefined;
  recordAct(db, by, { action: "cordonWorker", kind: "worker", key: id, outcome: isNew ? "ok" : "unchanged" });
  return row.cordon === null ? undefined : JSON.parse(row.cordon);
}

export function uncordonWorker(db: Database, id: string, by: Actor): boolean | undefined {
  const wasCordoned = db.run("UPDATE workers SET cordon = NULL WHERE id = @id AND cordon IS NOT NULL", { id }) === 1;
  if (!wasCordoned && !db.get(READ, { id })) return undefined;
  recordAct(db, by, { action: "uncordonWorker", kind: "worker", key: id, outcome: wasCordoned ? "ok" : "unchanged" });
  return wasCordoned;
}
