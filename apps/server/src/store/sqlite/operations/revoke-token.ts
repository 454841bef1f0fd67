import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

/** False where there is no such token, or it is revoked already. */
export function revokeToken(db: Database, id: string): boolean {
  return db.run(`UPDATE tokens SET revoked_at = ${NOW} WHERE id = @id AND revoked_at IS NULL`, { id }) === 1;
}
