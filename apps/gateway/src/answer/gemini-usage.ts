import type { CountedTokens } from "../prices.ts";
import { isObject } from "../request/hosted-tools.ts";
import { type AnswerFacts, count, readError, type VendorError } from "./usage.ts";

type Json = Readonly<Record<string, unknown>>;

/** Gemini's `usageMetadata`, whose thoughts are counted beside the answer; null where it is none. https://ai.google.dev/api/generate-content#UsageMetadata */
export function readGeminiUsage(usage: unknown): CountedTokens | null {
  if (!isObject(usage) || typeof usage["promptTokenCount"] !== "number") return null;
  const thoughts = count(usage["thoughtsTokenCount"]);
  const inputTokens = count(usage["promptTokenCount"]) + count(usage["toolUsePromptTokenCount"]);
  return {
    inputTokens,
    cachedInputTokens: Math.min(count(usage["cachedContentTokenCount"]), inputTokens),
    cacheWriteTokens: 0,
    outputTokens: count(usage["candidatesTokenCount"]) + thoughts,
    reasoningTokens: thoughts,
  };
}

/** A whole answer or an event of one. Some of Google's servers put an error into a list. */
export function readGemini(answer: unknown): AnswerFacts {
  const value = Array.isArray(answer) ? answer[0] : answer;
  if (!isObject(value)) return { tokens: null, tier: undefined, error: null };
  return { tokens: readGeminiUsage(value["usageMetadata"]), tier: undefined, error: readGoogleError(value["error"]) };
}

/**
 * Google's error (https://cloud.google.com/apis/design/errors): its status is the type; which quota was used up, or the reason, is its code; how long to wait
 * is told as the other vendors' messages tell it.
 */
function readGoogleError(error: unknown): VendorError | null {
  if (!isObject(error)) return null;
  const { status, details } = error as { status?: unknown; details?: unknown };
  const told = Array.isArray(details) ? details.filter(isObject) : [];
  const { message, code } = readError(error) ?? { message: "", code: "" };
  const delay = told.map((detail) => detail["retryDelay"]).find((value) => typeof value === "string" && /^[0-9.]+s$/.test(value));
  return {
    code: quotasOf(told) ?? told.map((detail) => detail["reason"]).find((reason) => typeof reason === "string") ?? code,
    type: typeof status === "string" ? status.slice(0, 200) : "",
    message: delay === undefined ? message : `${message} (try again in ${delay})`,
  };
}

/** Names such as `GenerateRequestsPerDayPerProjectPerModel-FreeTier`; undefined where none is told. */
function quotasOf(details: readonly Json[]): string | undefined {
  const violations = details.flatMap(({ violations: listed }) => (Array.isArray(listed) ? listed.filter(isObject) : []));
  const names = violations.flatMap(({ quotaId }) => (typeof quotaId === "string" ? [quotaId] : []));
  return names.length === 0 ? undefined : names.join(" ").slice(0, 200);
}
