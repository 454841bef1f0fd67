import { SlipwayError } from "@slipway/protocol/errors";
import type { SettleCall } from "@slipway/protocol/gateway-api";
import type { SettledCall } from "../../rows.ts";
import { CALL_COLUMNS, type CallRow, chargeCall, freeCall, isChargeable } from "../charge-call.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";

const READ = `
  SELECT ${CALL_COLUMNS}, CASE WHEN j.state = 'running' AND j.fence = c.fence AND j.lease_until > ${NOW} THEN j.worker_id END AS workerId
  FROM model_calls c JOIN jobs j ON j.number = c.job WHERE c.id = @callId AND c.gateway_id = @gatewayId`;

/** Not bound to the attempt's lease: what was spent is told when it is known. */
export function settleCall(db: Database, settled: SettleCall): SettledCall {
  const { callId, gatewayId, outcome, status, usage, failure, retryAfterMs, durationMs, firstByteMs } = settled;
  const call = db.get<CallRow & { workerId: string | null }>(READ, { callId, gatewayId });
  if (!call) throw new SlipwayError("NOT_FOUND", `This gateway has no model call ${callId}.`, { callId, gatewayId });
  if (outcome === "unused") freeCall(db, callId);
  else if (isChargeable(call)) chargeCall(db, call, { outcome, status, usage, failure, retryAfterMs: retryAfterMs ?? null, durationMs, firstByteMs });
  return { jobId: call.job_id, fence: call.fence, workerId: call.workerId };
}
