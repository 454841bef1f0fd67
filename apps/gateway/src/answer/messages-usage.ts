import type { CountedTokens } from "../prices.ts";
import { isObject } from "../request/hosted-tools.ts";
import { type AnswerFacts, count, readError } from "./usage.ts";

/** The `usage` of Anthropic's Messages, whose input does not hold what came from the cache or went there; null where it is none. */
export function readMessagesUsage(usage: unknown): CountedTokens | null {
  if (!isObject(usage) || typeof usage["output_tokens"] !== "number") return null;
  const cached = count(usage["cache_read_input_tokens"]);
  const written = count(usage["cache_creation_input_tokens"]);
  const ofWritten = usage["cache_creation"];
  const ofOutput = usage["output_tokens_details"];
  const outputTokens = count(usage["output_tokens"]);
  return {
    inputTokens: count(usage["input_tokens"]) + cached + written,
    cachedInputTokens: cached,
    cacheWriteTokens: written,
    longCacheWriteTokens: Math.min(count(isObject(ofWritten) ? ofWritten["ephemeral_1h_input_tokens"] : 0), written),
    outputTokens,
    reasoningTokens: Math.min(count(isObject(ofOutput) ? ofOutput["thinking_tokens"] : 0), outputTokens),
  };
}

/** A whole message, or an error. */
export function readMessage(answer: unknown): AnswerFacts {
  if (!isObject(answer)) return { tokens: null, tier: undefined, error: null };
  const { usage } = answer;
  const tier = isObject(usage) && usage["speed"] === "fast" ? "fast" : undefined;
  return { tokens: readMessagesUsage(usage), tier, error: answer["type"] === "error" ? readError(answer["error"]) : null };
}
