import { failureCodeOf } from "@slipway/backend-sdk/failure-code";
import type { ErrorCode } from "@slipway/protocol/errors";

/** How a call of the model failed, as this side of the agent saw it. */
export interface CallFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** HTTP status, where there was an answer with an error's. */
  readonly status?: number;
}

const TOO_LONG = /context_length_exceeded|context window|maximum context length|exceeds? the (maximum|context)|prompt is too long/i;
const QUOTA = /insufficient_quota|exceeded your current quota|billing|credit balance/i;
const BAD_KEY = /api_key_invalid|api key not valid|invalid_api_key/i;

/** What an answer with an error's status means. The gateway's own code, where the body repeats one, goes before all else. */
export function failureOfStatus(status: number, body: string): CallFailure {
  const told = failureCodeOf(body, []);
  return { code: told === "BACKEND_FAILED" ? codeOfStatus(status, body) : told, message: messageOf(body) || `the answer was ${status}`, status };
}

/** What an error inside an answer means that had begun well. One that is not known may pass by itself. */
export function failureInStream(error: unknown): CallFailure {
  const text = JSON.stringify(error);
  const { code } = (typeof error === "object" && error !== null ? error : {}) as { code?: unknown };
  const status = Number(code);
  if (status >= 400 && status < 600) return failureOfStatus(status, text);
  const words = failureCodeOf(text, [
    [TOO_LONG, "CONTEXT_TOO_LONG"],
    [QUOTA, "BACKEND_QUOTA"],
    [/rate_limit|RESOURCE_EXHAUSTED/i, "BACKEND_RATE_LIMITED"],
    [/authentication|invalid_api_key|permission/i, "BACKEND_AUTH"],
    [/invalid_request|not_found|unsupported/i, "MODEL_REFUSED"],
  ]);
  return { code: words === "BACKEND_FAILED" ? "MODEL_OVERLOADED" : words, message: messageOf(text) };
}

function codeOfStatus(status: number, body: string): ErrorCode {
  if ([400, 413, 422].includes(status) && TOO_LONG.test(body)) return "CONTEXT_TOO_LONG";
  // Anthropic says with 400 that there is no money left.
  if (status === 402 || (status === 429 && QUOTA.test(body)) || (status === 400 && /credit balance/i.test(body))) return "BACKEND_QUOTA";
  if (status === 429) return "BACKEND_RATE_LIMITED";
  if (status === 401 || status === 403 || (status === 400 && BAD_KEY.test(body))) return "BACKEND_AUTH";
  return status === 408 || status >= 500 ? "MODEL_OVERLOADED" : "MODEL_REFUSED";
}

/** The vendor's own words, from an error in any of the vendors' shapes. */
function messageOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    const first = Array.isArray(parsed) ? parsed[0] : parsed;
    const { error, message } = first as { error?: unknown; message?: unknown };
    const told = typeof error === "string" ? error : ((error as { message?: unknown } | undefined)?.message ?? message);
    return typeof told === "string" ? told.slice(0, 2_000) : body.slice(0, 2_000);
  } catch {
    return body.slice(0, 2_000);
  }
}
