import type { Usage } from "@slipway/protocol/events";
import type { AttemptModel } from "@slipway/protocol/gateway-api";
import type { Database } from "../database.ts";

const READ = `
  SELECT a.model_calls AS calls, a.model_failure AS failure, a.model_input_tokens AS inputTokens, a.model_cached_input_tokens AS cachedInputTokens,
    a.model_output_tokens AS outputTokens, a.model_reasoning_tokens AS reasoningTokens, a.model_cost_usd AS costUsd
  FROM jobs j JOIN attempts a ON a.job = j.number AND a.fence = @fence WHERE j.id = @jobId`;

export function attemptModel(db: Database, jobId: string, fence: number): AttemptModel | undefined {
  const row = db.get<Usage & { calls: number; failure: string | null }>(READ, { jobId, fence });
  if (!row) return undefined;
  const { calls, failure: text, ...usage } = row;
  const { failure, retryAfterMs }: Pick<AttemptModel, "failure" | "retryAfterMs"> = text === null ? { failure: null, retryAfterMs: null } : JSON.parse(text);
  return { calls, usage, failure, retryAfterMs };
}
