import { SlipwayError } from "@slipway/protocol/errors";
import type { Budget } from "@slipway/protocol/job";
import type { CallReservation, NewCall } from "../../rows.ts";
import { MODEL_FAILURE } from "../charge-call.ts";
import { NOW } from "../clock.ts";
import type { Database } from "../database.ts";
import { ATTEMPT_LIVES, leaseLost } from "../fence.ts";
import { type Amounts, type BudgetRefusal, judgeBudget, type Ledger } from "../model-budget.ts";

interface AttemptRow {
  jobId: string;
  number: number;
  fence: number;
  workerId: string | null;
  budget: string;
  lives: number;
}

const READ = `
  SELECT j.id AS jobId, j.number, a.fence, j.worker_id AS workerId, s.budget,
    j.state = 'running' AND j.fence = a.fence AND j.lease_until > ${NOW} AS lives
  FROM attempts a INDEXED BY attempts_by_model_token JOIN jobs j ON j.number = a.job JOIN job_specs s ON s.job = a.job
  WHERE a.model_token_sha256 = @tokenSha256`;

const SAME = "SELECT job, fence, gateway_id, state FROM model_calls WHERE id = @callId";

const SPENT = `
  SELECT total(model_input_tokens + model_output_tokens) AS tokens, total(model_cost_usd) AS usd,
    total(model_input_tokens + model_output_tokens) FILTER (WHERE fence = @fence) AS attemptTokens, total(model_cost_usd) FILTER (WHERE fence = @fence) AS attemptUsd
  FROM attempts WHERE job = @number`;

const RESERVED = `
  SELECT total(reserved_input_tokens + reserved_output_tokens) AS tokens, total(reserved_usd) AS usd,
    total(reserved_input_tokens + reserved_output_tokens) FILTER (WHERE fence = @fence) AS attemptTokens,
    total(reserved_usd) FILTER (WHERE fence = @fence) AS attemptUsd
  FROM model_calls INDEXED BY model_calls_open WHERE job = @number AND state = 'open'`;

// The lease's condition stands in the statement that writes.
const ADD = `
  INSERT INTO model_calls (id, job, fence, gateway_id, epoch, provider, model, reserved_input_tokens, reserved_output_tokens, reserved_usd, started_at)
  SELECT @callId, number, fence, @gatewayId, @epoch, @provider, @model, @inputTokens, @outputTokens, @costUsd, ${NOW}
  FROM jobs WHERE number = @number AND ${ATTEMPT_LIVES}`;

/** A refusal is an answer and no error, because what it writes has to stay. */
export function reserveCall(db: Database, call: NewCall): CallReservation {
  const attempt = db.get<AttemptRow>(READ, { tokenSha256: call.tokenSha256 });
  if (!attempt) throw new SlipwayError("UNAUTHENTICATED", "No attempt has this model token.", { field: "token" });
  const { jobId, number, fence } = attempt;
  const reserved = { status: "reserved", jobId, number, fence } as const;
  if (isKnown(db, attempt, call)) return reserved;
  if (attempt.lives === 0) throw leaseLost(jobId, fence);
  const refusal = attempt.budget === "{}" ? null : judgeBudget(JSON.parse(attempt.budget) as Budget, ledgerOf(db, attempt), call);
  if (refusal) return refuse(db, attempt, refusal);
  const { callId, gatewayId, epoch, provider, model, inputTokens, outputTokens, costUsd } = call;
  if (db.run(ADD, { callId, number, fence, gatewayId, epoch, provider, model, inputTokens, outputTokens, costUsd }) === 0) throw leaseLost(jobId, fence);
  return reserved;
}

/** True where this is the request of a call that is open, once more. */
function isKnown(db: Database, attempt: AttemptRow, { callId, gatewayId }: NewCall): boolean {
  const same = db.get<{ job: number; fence: number; gateway_id: string; state: "open" | "settled" }>(SAME, { callId });
  if (!same) return false;
  if (same.state === "settled") throw new SlipwayError("CONFLICT", `The model call ${callId} is settled already.`, { callId });
  if (same.job !== attempt.number || same.fence !== attempt.fence || same.gateway_id !== gatewayId) {
    throw new SlipwayError("CONFLICT", `The model call ${callId} is of another attempt or another gateway.`, { callId });
  }
  return true;
}

function ledgerOf(db: Database, { number, fence }: AttemptRow): Ledger {
  const spent = db.get<Amounts>(SPENT, { number, fence });
  const reserved = db.get<Amounts>(RESERVED, { number, fence });
  if (!spent || !reserved) throw new Error("an aggregate answered no row");
  return { spent, reserved };
}

const REMEMBER = `
  UPDATE attempts SET model_failure = ${MODEL_FAILURE}
  WHERE job = @number AND fence = @fence AND EXISTS (SELECT 1 FROM jobs WHERE number = @number AND ${ATTEMPT_LIVES})`;

/** What can never fit is the attempt's end, and remembered as its reason; what has to wait is tried again and changes nothing. */
function refuse(db: Database, { jobId, number, fence, workerId }: AttemptRow, { failure, waiting }: BudgetRefusal): CallReservation {
  if (!waiting && db.run(REMEMBER, { number, fence, failure: JSON.stringify(failure), retryAfterMs: null }) === 0) throw leaseLost(jobId, fence);
  return { status: "refused", jobId, fence, workerId: workerId ?? "", failure, waiting };
}
