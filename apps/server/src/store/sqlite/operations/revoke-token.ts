import type { Actor } from "../../rows.ts";
import { recordAct } from "../audit.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

/** False where there is no such token, or it is revoked already. */
export function revokeToken(db: Database, id: string, by?: Actor): boolean {
  const revoked = db.run(`UPDATE tokens SET revoked_at = ${NOW} WHERE id = @id AND revoked_at IS NULL`, { id }) === 1;
  if (revoked) recordAct(db, by, { action: "revokeToken", kind: "token", key: id, outcome: "ok" });
  return revoked;
}
