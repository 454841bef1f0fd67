import { CALL_COLUMNS, type CallRow, chargeCall, freeCall } from "../charge-call.ts";
import type { Database } from "../database.ts";

const OPEN = `
  SELECT ${CALL_COLUMNS} FROM model_calls c INDEXED BY model_calls_of_gateway JOIN jobs j ON j.number = c.job
  WHERE c.state = 'open' AND c.gateway_id = @gatewayId AND c.epoch <> @epoch ORDER BY c.started_at, c.id`;

/** Answers the job of each call that was charged. What was reserved ahead is free: a call that had begun on it is settled before its gateway registers. */
export function chargeEarlierEpochs(db: Database, gatewayId: string, epoch: string): string[] {
  const calls = db.all<CallRow>(OPEN, { gatewayId, epoch });
  const begun = calls.filter(({ ahead }) => ahead === 0);
  for (const call of begun) chargeCall(db, call);
  for (const { id, ahead } of calls) if (ahead === 1) freeCall(db, id);
  return begun.map((call) => call.job_id);
}
