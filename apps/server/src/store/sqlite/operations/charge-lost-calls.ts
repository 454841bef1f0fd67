import { CALL_COLUMNS, type CallRow, chargeCall } from "../charge-call.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

/** What one call charges at most; the next one finds the rest. */
const LIMIT = 500;

const LOST = `
  SELECT ${CALL_COLUMNS}
  FROM model_calls c INDEXED BY model_calls_open JOIN attempts a ON a.job = c.job AND a.fence = c.fence JOIN jobs j ON j.number = c.job
  WHERE c.state = 'open' AND a.ended_at <= ${NOW} - @afterMs LIMIT ${LIMIT}`;

/** Answers the job of each call. */
export function chargeLostCalls(db: Database, afterMs: number): string[] {
  const calls = db.all<CallRow>(LOST, { afterMs });
  for (const call of calls) chargeCall(db, call);
  return calls.map((call) => call.job_id);
}
