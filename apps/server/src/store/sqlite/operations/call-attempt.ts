import type { Replay } from "@slipway/protocol/cassette";
import type { CallAttempt } from "../../rows.ts";
import type { Database } from "../database.ts";

const READ = `
  SELECT j.id AS jobId, c.fence, c.gateway_id AS gatewayId, s.cassette
  FROM model_calls c JOIN jobs j ON j.number = c.job JOIN job_specs s ON s.job = c.job WHERE c.id = @callId`;

export function callAttempt(db: Database, callId: string): CallAttempt | undefined {
  const row = db.get<{ jobId: string; fence: number; gatewayId: string; cassette: string }>(READ, { callId });
  if (!row) return undefined;
  const { cassette, ...attempt } = row;
  const { record = false, replay = null } = JSON.parse(cassette) as { record?: boolean; replay?: Replay };
  return { ...attempt, record, replay };
}
