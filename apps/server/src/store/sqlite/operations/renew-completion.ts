import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { COMPLETION_LEASE_LIVES, completionLeaseLost } from "../fence.ts";

const RENEW = `UPDATE completions SET lease_until = ${NOW} + @leaseTtlMs WHERE id = @id AND ${COMPLETION_LEASE_LIVES}`;
// While its intent stands nobody else can take the completion, so there is nothing to renew and nothing lost.
const LANDING = "SELECT 1 FROM completions WHERE id = @id AND fence = @fence AND state = 'landing'";

export function renewCompletion(db: Database, id: string, fence: number, leaseTtlMs: number): void {
  if (db.run(RENEW, { id, fence, leaseTtlMs }) === 0 && !db.get(LANDING, { id, fence })) throw completionLeaseLost(id, fence);
}
