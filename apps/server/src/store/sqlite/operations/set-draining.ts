import type { Actor } from "../../rows.ts";
import { recordAct } from "../audit.ts";
import type { Database } from "../database.ts";

/** False where there is no such worker. */
export function setDraining(db: Database, id: string, draining: boolean, by?: Actor): boolean {
  const isKnown = db.run("UPDATE workers SET draining = @draining WHERE id = @id", { id, draining: draining ? 1 : 0 }) === 1;
  if (isKnown) recordAct(db, by, { action: "drainWorker", kind: "worker", key: id, outcome: "ok" });
  return isKnown;
}
