import type { DayBudget } from "@slipway/protocol/budget";
import type { CassetteMode, Replay } from "@slipway/protocol/cassette";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ReserveAhead } from "@slipway/protocol/gateway-api";
import type { Budget } from "@slipway/protocol/job";
import type { CallReservation, NewCall } from "../../rows.ts";
import { freeCall, MODEL_FAILURE } from "../charge-call.ts";
import { NOW } from "../clock.ts";
import { closeDay, isUnbounded } from "../closed-days.ts";
import type { Database } from "../database.ts";
import { dayLedger, judgeDay } from "../day-budget.ts";
import { ATTEMPT_LIVES, leaseLost } from "../fence.ts";
import { type Amounts, type BudgetRefusal, judgeBudget, type Ledger, type WantedCall } from "../model-budget.ts";

/** A reservation ahead takes at most this part of what is left: what it holds is then not what another call of the job waits for. */
const PARTS_LEFT = 4;

interface AttemptRow {
  jobId: string;
  number: number;
  fence: number;
  workerId: string | null;
  repoId: string;
  repository: string;
  /** JSON. */
  repositoryDayBudget: string;
  backend: string;
  /** Of its settings; empty where it names none. */
  model: string;
  budget: string;
  /** JSON. */
  cassette: string;
  /** Settled calls of the attempt. */
  calls: number;
  leaseMs: number;
  lives: number;
}

/** What is already there under a call's id. */
interface KeptRow {
  job: number;
  fence: number;
  gateway_id: string;
  state: "open" | "settled";
  ahead: 0 | 1;
  tokens: number;
  usd: number | null;
}

const READ = `
  SELECT j.id AS jobId, j.number, a.fence, j.worker_id AS workerId, j.repo_id AS repoId, r.name AS repository,
    r.day_budget AS repositoryDayBudget, j.backend, COALESCE(s.backend_config ->> '$.model', '') AS model, s.budget, s.cassette, a.model_calls AS calls, j.lease_until - ${NOW} AS leaseMs,
    j.state = 'running' AND j.fence = a.fence AND j.lease_until > ${NOW} AS lives
  FROM attempts a INDEXED BY attempts_by_model_token JOIN jobs j ON j.number = a.job JOIN job_specs s ON s.job = a.job
    JOIN repositories r ON r.id = j.repo_id
  WHERE a.model_token_sha256 = @tokenSha256`;

const KEPT = `
  SELECT job, fence, gateway_id, state, ahead, reserved_input_tokens + reserved_output_tokens AS tokens, reserved_usd AS usd
  FROM model_calls WHERE id = @callId`;

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
  INSERT INTO model_calls
    (id, job, fence, gateway_id, epoch, provider, model, reserved_input_tokens, reserved_output_tokens, reserved_usd, started_at, ahead)
  SELECT @callId, number, fence, @gatewayId, @epoch, @provider, @model, @inputTokens, @outputTokens, @costUsd, ${NOW}, @ahead
  FROM jobs WHERE number = @number AND ${ATTEMPT_LIVES}`;

const BEGIN = `
  UPDATE model_calls SET ahead = 0, epoch = @epoch, provider = @provider, model = @model, started_at = ${NOW},
    reserved_input_tokens = @inputTokens, reserved_output_tokens = @outputTokens, reserved_usd = @costUsd
  WHERE id = @callId AND ahead = 1 AND EXISTS (SELECT 1 FROM jobs WHERE number = @number AND ${ATTEMPT_LIVES})`;

/** A refusal is an answer and no error, because what it writes has to stay. */
export function reserveCall(db: Database, asked: NewCall): CallReservation {
  const attempt = db.get<AttemptRow>(READ, { tokenSha256: asked.tokenSha256 });
  if (!attempt) throw new SlipwayError("UNAUTHENTICATED", "No attempt has this model token.", { field: "token" });
  const { jobId, number, fence } = attempt;
  const cassette = cassetteOf(attempt);
  const call = cassette?.mode === "replay" ? withoutCost(asked) : asked;
  const kept = keptOf(db, attempt, call);
  if (kept?.ahead !== 0) {
    if (attempt.lives === 0) throw leaseLost(jobId, fence);
    // Money that is reserved already may be on its way: it is not judged again.
    const covered = kept !== null && covers(kept, call);
    if (kept && !covered) freeCall(db, call.callId);
    const refusal = covered || cassette?.mode === "replay" ? null : judge(db, attempt, call.dayBudget, call);
    if (refusal) return refuse(db, attempt, refusal);
    const { callId, gatewayId, epoch, provider, model, inputTokens, outputTokens, costUsd } = call;
    const row = { callId, number, fence, epoch, provider, model, inputTokens, outputTokens, costUsd };
    if ((covered ? db.run(BEGIN, row) : db.run(ADD, { ...row, gatewayId, ahead: 0 })) === 0) throw leaseLost(jobId, fence);
  }
  const aheadForMs = call.ahead && attempt.lives === 1 && holdAhead(db, attempt, call, call.ahead) ? attempt.leaseMs : null;
  return { status: "reserved", jobId, number, fence, aheadForMs, cassette };
}

function cassetteOf({ cassette, calls }: AttemptRow): CassetteMode | null {
  if (cassette === "{}") return null;
  const { record, replay } = JSON.parse(cassette) as { record?: boolean; replay?: Replay };
  return replay ? { mode: "replay", calls } : record ? { mode: "record", calls } : null;
}

/** Nothing is sent for it: it takes nothing of any budget, and has no need of a reservation ahead. */
function withoutCost({ ahead: _, ...call }: NewCall): NewCall {
  return { ...call, inputTokens: 0, outputTokens: 0, costUsd: 0, dayBudget: {} };
}

/** What is there of the same call: open, when its request comes once more, or reserved ahead for it. */
function keptOf(db: Database, attempt: AttemptRow, { callId, gatewayId }: NewCall): KeptRow | null {
  const kept = db.get<KeptRow>(KEPT, { callId });
  if (!kept) return null;
  if (kept.state === "settled") throw new SlipwayError("CONFLICT", `The model call ${callId} is settled already.`, { callId });
  if (kept.job !== attempt.number || kept.fence !== attempt.fence || kept.gateway_id !== gatewayId) {
    throw new SlipwayError("CONFLICT", `The model call ${callId} is of another attempt or another gateway.`, { callId });
  }
  return kept;
}

function covers({ tokens, usd }: KeptRow, { inputTokens, outputTokens, costUsd }: NewCall): boolean {
  return inputTokens + outputTokens <= tokens && (costUsd === null ? usd === null : usd !== null && costUsd <= usd);
}

/** By the job's own budget, then by those of the day; what can never fit comes before what has to wait. */
function judge(db: Database, attempt: AttemptRow, dayBudget: DayBudget, call: WantedCall): BudgetRefusal | null {
  const own = attempt.budget === "{}" ? null : judgeBudget(JSON.parse(attempt.budget) as Budget, ledgerOf(db, attempt), call);
  if (own) return own;
  const { repoId, repository, repositoryDayBudget } = attempt;
  const repositorys = repositoryDayBudget === "{}" ? null : judgeDay(JSON.parse(repositoryDayBudget), dayLedger(db, repoId), call, repository);
  if (repositorys?.waiting === false) return repositorys;
  const installations = isUnbounded(dayBudget) ? null : judgeDay(dayBudget, dayLedger(db), call);
  return installations?.waiting === false ? installations : (repositorys ?? installations);
}

/** True where the reservation ahead is there, now or since an earlier message. */
function holdAhead(db: Database, attempt: AttemptRow, call: NewCall, { callId, inputTokens, outputTokens, costUsd }: ReserveAhead): boolean {
  const { gatewayId, epoch, provider, model } = call;
  const row = { callId, gatewayId, epoch, provider, model, inputTokens, outputTokens, costUsd };
  const kept = db.get<KeptRow>(KEPT, { callId });
  if (kept) return kept.state === "open" && kept.ahead === 1 && kept.job === attempt.number && kept.fence === attempt.fence && kept.gateway_id === gatewayId;
  const room = { ...row, inputTokens: PARTS_LEFT * inputTokens, outputTokens: PARTS_LEFT * outputTokens, costUsd: costUsd && PARTS_LEFT * costUsd };
  return judge(db, attempt, call.dayBudget, room) === null && db.run(ADD, { ...row, number: attempt.number, fence: attempt.fence, ahead: 1 }) === 1;
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
function refuse(db: Database, { jobId, number, fence, workerId, repoId, backend, model }: AttemptRow, { failure, waiting }: BudgetRefusal): CallReservation {
  const { unit, wanted, repository } = failure.details as { unit: "tokens" | "usd"; wanted: number; repository?: string };
  if (!waiting && failure.code === "DAY_BUDGET_EXCEEDED") closeDay(db, { repoId: repository === undefined ? "" : repoId, backend, model, unit, wanted });
  if (!waiting && db.run(REMEMBER, { number, fence, failure: JSON.stringify(failure), retryAfterMs: null }) === 0) throw leaseLost(jobId, fence);
  return { status: "refused", jobId, fence, workerId: workerId ?? "", failure, waiting };
}
