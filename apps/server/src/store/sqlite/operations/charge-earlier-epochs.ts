import { CALL_COLUMNS, type CallRow, chargeCall } from "../charge-call.ts";
import type { Database } from "../database.ts";

const OPEN = `
  SELECT ${CALL_COLUMNS} FROM model_calls c INDEXED BY model_calls_of_gateway JOIN jobs j ON j.number = c.job
  WHERE c.state = 'open' AND c.gateway_id = @gatewayId AND c.epoch <> @epoch ORDER BY c.started_at, c.id`;

/** Answers the job of each call. */
export function chargeEarlierEpochs(db: Database, gatewayId: string, epoch: string): string[] {
  const calls = db.all<CallRow>(OPEN, { gatewayId, epoch });
  for (const call of calls) chargeCall(db, call);
  return calls.map((call) => call.job_id);
}
