import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

export function touchToken(db: Database, id: string): void {
  db.run(`UPDATE tokens SET last_used_at = ${NOW} WHERE id = @id`, { id });
}
