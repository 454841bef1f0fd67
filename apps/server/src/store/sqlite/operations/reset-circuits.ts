import type { Actor } from "../../rows.ts";
import { recordAct } from "../audit.ts";
import type { Database } from "../database.ts";

const RESET = "DELETE FROM circuits WHERE backend = @backend";
const OPEN = "SELECT count(*) AS count FROM circuits WHERE backend = @backend AND open_until IS NOT NULL";

/** A person says that the backend works again: what was counted against it is forgotten, in every image. */
export function resetCircuits(db: Database, backend: string, by?: Actor): number {
  const closed = db.get<{ count: number }>(OPEN, { backend })?.count ?? 0;
  db.run(RESET, { backend });
  recordAct(db, by, { action: "resetBackend", kind: "backend", key: backend, outcome: closed > 0 ? "ok" : "unchanged" });
  return closed;
}
