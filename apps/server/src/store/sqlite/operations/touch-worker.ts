import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

export function touchWorker(db: Database, id: string): void {
  db.run(`UPDATE workers SET last_seen_at = ${NOW} WHERE id = @id`, { id });
}
