import type { ErrorCode } from "@slipway/protocol/errors";
import { expect, test } from "vitest";
import { codeOfStatus, codeOfStreamError, retryAfterMs } from "./vendor-failure.ts";

const error = (code = "", message = "", type = "") => ({ code, message, type });

test.each<[number, ReturnType<typeof error> | null, ErrorCode]>([
  [400, error("invalid_request", "Unknown parameter"), "MODEL_REFUSED"],
  [400, error("context_length_exceeded"), "CONTEXT_TOO_LONG"],
  [400, error("", "This model's maximum context length is 8192 tokens"), "CONTEXT_TOO_LONG"],
  [413, error("", "Your input exceeds the context window of this model"), "CONTEXT_TOO_LONG"],
  [413, null, "MODEL_REFUSED"],
  [400, error("", "prompt is too long: 208310 tokens > 200000 maximum", "invalid_request_error"), "CONTEXT_TOO_LONG"],
  [400, error("", "input length and `max_tokens` exceed context limit: 195000 + 32000 > 200000", "invalid_request_error"), "CONTEXT_TOO_LONG"],
  [413, error("", "Request exceeds the maximum size", "request_too_large"), "CONTEXT_TOO_LONG"],
  [400, error("", "Your credit balance is too low to access the Anthropic API.", "invalid_request_error"), "BACKEND_QUOTA"],
  [401, null, "BACKEND_AUTH"],
  [402, null, "BACKEND_QUOTA"],
  [403, null, "BACKEND_AUTH"],
  [404, error("model_not_found"), "MODEL_REFUSED"],
  [422, null, "MODEL_REFUSED"],
  [408, null, "MODEL_OVERLOADED"],
  [429, null, "BACKEND_RATE_LIMITED"],
  [429, error("rate_limit_exceeded", "Rate limit reached for gpt-5 on tokens per min (TPM)"), "BACKEND_RATE_LIMITED"],
  [429, error("", "Quota exceeded for requests per minute"), "BACKEND_RATE_LIMITED"],
  [429, error("insufficient_quota", "You exceeded your current quota"), "BACKEND_QUOTA"],
  [429, error("", "Please check your plan and billing details"), "BACKEND_QUOTA"],
  [500, null, "MODEL_OVERLOADED"],
  [502, null, "MODEL_OVERLOADED"],
  [503, null, "MODEL_OVERLOADED"],
  [504, null, "MODEL_OVERLOADED"],
  [529, null, "MODEL_OVERLOADED"],
  [307, null, "MODEL_UNREACHABLE"],
])("%i %j is %s", (status, vendorError, code) => {
  expect(codeOfStatus(status, vendorError)).toBe(code);
});

test.each<[ReturnType<typeof error>, ErrorCode]>([
  [error("context_length_exceeded"), "CONTEXT_TOO_LONG"],
  [error("insufficient_quota"), "BACKEND_QUOTA"],
  [error("rate_limit_exceeded", "Please try again in 11.05s"), "BACKEND_RATE_LIMITED"],
  [error("429", "slow down"), "BACKEND_RATE_LIMITED"],
  [error("", "", "authentication_error"), "BACKEND_AUTH"],
  [error("invalid_prompt"), "MODEL_REFUSED"],
  [error("server_error"), "MODEL_OVERLOADED"],
  [error("", "Overloaded", "overloaded_error"), "MODEL_OVERLOADED"],
  [error("", "", "rate_limit_error"), "BACKEND_RATE_LIMITED"],
  [error("", "Your credit balance is too low", "invalid_request_error"), "BACKEND_QUOTA"],
  [error("", "whatever"), "MODEL_OVERLOADED"],
])("in a stream %j is %s", (vendorError, code) => {
  expect(codeOfStreamError(vendorError)).toBe(code);
});

test.each<[Record<string, string>, string, number | undefined]>([
  [{ "retry-after-ms": "1500", "retry-after": "2" }, "", 1_500],
  [{ "retry-after": "2" }, "", 2_000],
  [{ "retry-after": "0" }, "", 0],
  [{ "retry-after": "Thu, 01 Jan 1970 00:00:10 GMT" }, "", 9_000],
  [{ "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0.5s" }, "", 360_500],
  [{ "x-ratelimit-reset": "20" }, "", 20_000],
  [{ "x-ratelimit-reset": "1000000100" }, "", 86_400_000],
  [{}, "Please try again in 11.05s. Visit", 11_050],
  [{}, "Please try again in 20ms.", 20],
  [{ "retry-after": "soon" }, "", undefined],
  [{ "anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "1970-01-01T00:00:31Z" }, "", 30_000],
  [{ "anthropic-ratelimit-tokens-remaining": "7", "anthropic-ratelimit-tokens-reset": "1970-01-01T00:00:31Z" }, "", undefined],
])("%j %j asks to wait %s ms", (headers, message, ms) => {
  expect(retryAfterMs((name) => headers[name], error("", message), 1_000)).toBe(ms);
});
