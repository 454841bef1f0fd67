import type { CountedTokens } from "../prices.ts";
import { isObject } from "../request/hosted-tools.ts";

/** An error as the vendor words it. */
export interface VendorError {
  readonly code: string;
  readonly type: string;
  readonly message: string;
}

/** What an answer, or an event of one, says about its own cost and ending. */
export interface AnswerFacts {
  readonly tokens: CountedTokens | null;
  readonly tier: string | undefined;
  readonly error: VendorError | null;
}

/** The `usage` of Responses or of Chat Completions; null where it is neither. */
export function readUsage(usage: unknown): CountedTokens | null {
  if (!isObject(usage)) return null;
  const input = usage["input_tokens"] ?? usage["prompt_tokens"];
  const output = usage["output_tokens"] ?? usage["completion_tokens"];
  if (typeof input !== "number" && typeof output !== "number") return null;
  const ofInput = usage["input_tokens_details"] ?? usage["prompt_tokens_details"];
  const ofOutput = usage["output_tokens_details"] ?? usage["completion_tokens_details"];
  const inputTokens = count(input);
  const outputTokens = count(output);
  return {
    inputTokens,
    cachedInputTokens: Math.min(count(isObject(ofInput) ? ofInput["cached_tokens"] : 0), inputTokens),
    cacheWriteTokens: count(isObject(ofInput) ? ofInput["cache_write_tokens"] : 0),
    outputTokens,
    reasoningTokens: Math.min(count(isObject(ofOutput) ? ofOutput["reasoning_tokens"] : 0), outputTokens),
  };
}

/** A response object of Responses, or a completion of Chat, whole or a chunk. */
export function readAnswer(answer: unknown): AnswerFacts {
  if (!isObject(answer)) return { tokens: null, tier: undefined, error: null };
  return {
    tokens: readUsage(answer["usage"]),
    tier: typeof answer["service_tier"] === "string" ? answer["service_tier"] : undefined,
    error: readError(answer["error"]),
  };
}

/** `error` of an answer or an event; null where there is none. Some servers send a text. */
export function readError(error: unknown): VendorError | null {
  if (typeof error === "string" && error !== "") return { code: "", type: "", message: error.slice(0, 2_000) };
  if (!isObject(error)) return null;
  return { code: word(error["code"]), type: word(error["type"]), message: word(error["message"], 2_000) };
}

function word(value: unknown, limit = 200): string {
  return typeof value === "string" || typeof value === "number" ? String(value).slice(0, limit) : "";
}

/** A number of tokens as a vendor tells it; 0 where it is none. */
export function count(value: unknown): number {
  return typeof value === "number" && value > 0 && value < Number.MAX_SAFE_INTEGER ? Math.round(value) : 0;
}
