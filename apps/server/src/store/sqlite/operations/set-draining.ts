import type { Database } from "../database.ts";

/** False where there is no such worker. */
export function setDraining(db: Database, id: string, draining: boolean): boolean {
  return db.run("UPDATE workers SET draining = @draining WHERE id = @id", { id, draining: draining ? 1 : 0 }) === 1;
}
