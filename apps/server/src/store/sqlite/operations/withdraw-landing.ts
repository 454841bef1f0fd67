import type { Database } from "../database.ts";
import { completionLeaseLost } from "../fence.ts";

// No condition on the lease's time: while the intent stands nobody else can have taken the completion, and it must be possible to end it.
const WITHDRAW = `
  UPDATE completions SET state = 'pending', intent_target = NULL, intent_old_oid = NULL, intent_new_oid = NULL
  WHERE id = @id AND fence = @fence AND state = 'landing'`;

const WITHDRAW_OTHERS = `
  UPDATE completions SET state = 'pending', intent_target = NULL, intent_old_oid = NULL, intent_new_oid = NULL WHERE batch_of = @id AND state = 'landing'`;

const WITHDRAWN = "SELECT 1 FROM completions WHERE id = @id AND fence = @fence AND state = 'pending'";

export function withdrawLanding(db: Database, id: string, fence: number): void {
  if (db.run(WITHDRAW, { id, fence }) > 0) db.run(WITHDRAW_OTHERS, { id });
  else if (!db.get(WITHDRAWN, { id, fence })) throw completionLeaseLost(id, fence);
}
