import type { ModelCallOutcome, Usage } from "@slipway/protocol/events";
import type { Failure } from "@slipway/protocol/job";
import { isFinal, type JobState } from "@slipway/protocol/states";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import { addNumberedEvent } from "./numbered-events.ts";

/** A call with what of its job decides about its charge. */
export interface CallRow {
  id: string;
  job: number;
  job_id: string;
  job_state: JobState;
  fence: number;
  gateway_id: string;
  provider: string;
  model: string;
  state: "open" | "settled";
  /** 1 where a cassette answers the calls of its job. */
  is_replay: 0 | 1;
  /** 1 where no call is known to have begun on it. */
  ahead: 0 | 1;
  outcome: ModelCallOutcome | "unused" | null;
  reserved_input_tokens: number;
  reserved_output_tokens: number;
  reserved_usd: number | null;
  started_at: number;
}

/** Columns of a `CallRow`, from `model_calls c JOIN jobs j ON j.number = c.job`. */
export const CALL_COLUMNS = `
  c.id, c.job, j.id AS job_id, j.state AS job_state, c.fence, c.gateway_id, c.provider, c.model, c.state, c.ahead, c.outcome,
  c.reserved_input_tokens, c.reserved_output_tokens, c.reserved_usd, c.started_at,
  (SELECT s.cassette ->> '$.replay' IS NOT NULL FROM job_specs s WHERE s.job = c.job) AS is_replay`;

export interface CallEnd {
  readonly outcome: ModelCallOutcome;
  readonly status: number | null;
  /** Null: charged what was reserved. */
  readonly usage: Usage | null;
  readonly failure: Failure | null;
  readonly retryAfterMs: number | null;
  /** Null where nobody told it: then from its reservation to now. */
  readonly durationMs: number | null;
  readonly firstByteMs: number | null;
}

/** How a call ends that its gateway never settled. */
const UNSETTLED: CallEnd = { outcome: "cut", status: null, usage: null, failure: null, retryAfterMs: null, durationMs: null, firstByteMs: null };

const SETTLE = `
  UPDATE model_calls SET state = 'settled', ahead = 0, settled_at = ${NOW}, outcome = @outcome, estimated = @estimated,
    input_tokens = @inputTokens, cached_input_tokens = @cachedInputTokens, output_tokens = @outputTokens, reasoning_tokens = @reasoningTokens,
    cost_usd = @costUsd
  WHERE id = @id AND (state = 'open' OR outcome = 'unused')
  RETURNING settled_at`;

/** What `attempts.model_failure` gets; parameters `@failure`, as JSON, and `@retryAfterMs`. */
export const MODEL_FAILURE = `json_object('failure', json(@failure), 'retryAfterMs', @retryAfterMs, 'at', ${NOW})`;

// A call that went well clears only what had failed before it began: it says nothing about one that ran beside it.
const ADD_TO_ATTEMPT = `
  UPDATE attempts SET model_calls = model_calls + 1,
    model_input_tokens = model_input_tokens + @inputTokens, model_cached_input_tokens = model_cached_input_tokens + @cachedInputTokens,
    model_output_tokens = model_output_tokens + @outputTokens, model_reasoning_tokens = model_reasoning_tokens + @reasoningTokens,
    model_cost_usd = model_cost_usd + @costUsd,
    model_failure = CASE
      WHEN @failure IS NOT NULL THEN ${MODEL_FAILURE}
      WHEN @outcome = 'ok' AND model_failure ->> '$.at' <= @startedAt THEN NULL
      ELSE model_failure
    END
  WHERE job = @job AND fence = @fence`;

const ADD_TO_JOB = `
  UPDATE jobs SET input_tokens = input_tokens + @inputTokens, cached_input_tokens = cached_input_tokens + @cachedInputTokens,
    output_tokens = output_tokens + @outputTokens, reasoning_tokens = reasoning_tokens + @reasoningTokens, cost_usd = cost_usd + @costUsd
  WHERE number = @job`;

// The day is that of the charge, in the same clock: what is still open counts for whichever day it is.
const ADD_TO_DAY = `
  INSERT INTO spending_days (day, calls, tokens, usd) VALUES (date(${NOW} / 1000, 'unixepoch'), 1, @inputTokens + @outputTokens, @costUsd)
  ON CONFLICT (day) DO UPDATE SET calls = calls + 1, tokens = tokens + excluded.tokens, usd = usd + excluded.usd`;

const ADD_TO_REPOSITORY_DAY = `
  INSERT INTO repository_spending_days (day, repo_id, calls, tokens, usd)
  SELECT date(${NOW} / 1000, 'unixepoch'), repo_id, 1, @inputTokens + @outputTokens, @costUsd FROM jobs WHERE number = @job
  ON CONFLICT (day, repo_id) DO UPDATE SET calls = calls + 1, tokens = tokens + excluded.tokens, usd = usd + excluded.usd`;

/** True of a call that may still be charged: what was given up as never begun, too. */
export function isChargeable({ state, outcome }: CallRow): boolean {
  return state === "open" || outcome === "unused";
}

/** Takes away a reservation that nothing was sent on. */
export function freeCall(db: Database, id: string): void {
  db.run("DELETE FROM model_calls WHERE id = @id AND state = 'open'", { id });
}

/**
 * Settles an open call and adds what it took to its attempt and its job, whatever has become of them: the money is spent. The event that tells of it is left
 * out where the job is final, because then its events are closed.
 */
export function chargeCall(db: Database, call: CallRow, end: CallEnd = UNSETTLED): void {
  const { id, job, fence } = call;
  const isReplay = call.is_replay === 1;
  // Its tokens are those of the recording, and were paid then.
  const usage = { ...pick(end.usage ?? reservationOf(call)), ...(isReplay ? { costUsd: 0 } : {}) };
  const estimated = end.usage === null;
  const settled = db.get<{ settled_at: number }>(SETTLE, { id, outcome: end.outcome, estimated: estimated ? 1 : 0, ...usage });
  if (!settled) throw new Error(`the model call ${id} is not open`);
  const failure = end.failure && JSON.stringify(end.failure);
  const { outcome, status, retryAfterMs, firstByteMs } = end;
  db.run(ADD_TO_ATTEMPT, { job, fence, outcome, startedAt: call.started_at, failure, retryAfterMs, ...usage });
  db.run(ADD_TO_JOB, { job, ...usage });
  const { inputTokens, outputTokens, costUsd } = usage;
  if (!isReplay) {
    db.run(ADD_TO_DAY, { inputTokens, outputTokens, costUsd });
    db.run(ADD_TO_REPOSITORY_DAY, { job, inputTokens, outputTokens, costUsd });
  }
  if (isFinal(call.job_state)) return;
  const { provider, model } = call;
  const durationMs = end.durationMs ?? Math.max(0, settled.settled_at - call.started_at);
  const code = end.failure && { code: end.failure.code };
  addNumberedEvent(db, job, fence, {
    kind: "model-call",
    data: { callId: id, provider, model, outcome, status, usage, estimated, ...code, durationMs, firstByteMs },
  });
  // What is not alike stands among the events too, where people look when a replay ends early.
  if (end.failure?.code === "CASSETTE_MISMATCH")
    addNumberedEvent(db, job, fence, { kind: "notice", data: { level: "error", text: end.failure.message, code: end.failure.code } });
}

function reservationOf(call: CallRow): Usage {
  return {
    inputTokens: call.reserved_input_tokens,
    cachedInputTokens: 0,
    outputTokens: call.reserved_output_tokens,
    reasoningTokens: 0,
    costUsd: call.reserved_usd ?? 0,
  };
}

/** Only what the statements name. */
function pick({ inputTokens, cachedInputTokens, outputTokens, reasoningTokens, costUsd }: Usage): Usage {
  return { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, costUsd };
}
