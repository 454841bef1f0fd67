import { CALL_COLUMNS, type CallRow, chargeCall } from "../charge-call.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

/** What one call charges at most; the next one finds the rest. */
const LIMIT = 500;

const LOST = `
  SELECT ${CALL_COLUMNS}
  FROM model_calls c INDEXED BY model_calls_open JOIN attempts a ON a.job = c.job AND a.fence = c.fence JOIN jobs j ON j.number = c.job
  WHERE c.state = 'open' AND a.ended_at <= ${NOW} - @afterMs LIMIT ${LIMIT}`;

// Its gateway may yet come back and say that a call had begun on it.
const GIVE_UP = `UPDATE model_calls SET state = 'settled', outcome = 'unused', settled_at = ${NOW} WHERE id = @id AND state = 'open'`;

/** Answers the job of each call that was charged. */
export function chargeLostCalls(db: Database, afterMs: number): string[] {
  const calls = db.all<CallRow>(LOST, { afterMs });
  const begun = calls.filter(({ ahead }) => ahead === 0);
  for (const call of begun) chargeCall(db, call);
  for (const { id, ahead } of calls) if (ahead === 1) db.run(GIVE_UP, { id });
  return begun.map((call) => call.job_id);
}
