import type { ErrorCode } from "@slipway/protocol/errors";
import { type FailureWords, failureCodeOf } from "../failure-code.ts";
import type { DriverError } from "./driver-messages.ts";

/** Words of vendors, and of litellm for what no vendor said, the more telling ones first. */
const WORDS: FailureWords = [
  [/ContextWindowExceeded|context_length_exceeded|context window|maximum context length|prompt is too long/i, "CONTEXT_TOO_LONG"],
  [/insufficient_quota|exceeded your current quota|quota exceeded|insufficient credits|credit balance/i, "BACKEND_QUOTA"],
  [/rate.?limit/i, "BACKEND_RATE_LIMITED"],
  [/overloaded|high demand|at capacity/i, "MODEL_OVERLOADED"],
  [/timed out|timeout/i, "MODEL_TIMEOUT"],
  [/peer closed|incomplete (chunked )?read|broke off|connection reset|disconnected|connection error/i, "MODEL_UNREACHABLE"],
];

/** litellm itself calls it a connection error, as it calls one that broke off. */
const NOBODY_THERE = /ConnectError|Connection refused|All connection attempts failed/i;

/** Exceptions of litellm, which names them after the kinds of failures of all vendors. */
const TYPES: Readonly<Record<string, ErrorCode>> = {
  AuthenticationError: "BACKEND_AUTH",
  PermissionDeniedError: "BACKEND_AUTH",
  ContextWindowExceededError: "CONTEXT_TOO_LONG",
  RateLimitError: "BACKEND_RATE_LIMITED",
  Timeout: "MODEL_TIMEOUT",
  ServiceUnavailableError: "MODEL_OVERLOADED",
  InternalServerError: "MODEL_OVERLOADED",
  BadGatewayError: "MODEL_OVERLOADED",
  BadRequestError: "MODEL_REFUSED",
  NotFoundError: "MODEL_REFUSED",
  UnprocessableEntityError: "MODEL_REFUSED",
  ContentPolicyViolationError: "MODEL_REFUSED",
  APIConnectionError: "MODEL_UNREACHABLE",
};

/** The code of a failed model call, as litellm tells it; undefined where the error is about something else. */
export function modelFailureCode({ type, message, causes, httpStatus, code }: DriverError): ErrorCode | undefined {
  const isCall = Object.hasOwn(TYPES, type) || httpStatus !== undefined;
  if (isCall && causes.some((cause) => NOBODY_THERE.test(cause))) return "GATEWAY_UNAVAILABLE";
  const told = failureCodeOf(`${type} ${code ?? ""} ${message}`, isCall ? WORDS : WORDS.slice(0, 2));
  if (told !== "BACKEND_FAILED") return told;
  return byStatus(httpStatus, type) ?? (Object.hasOwn(TYPES, type) ? TYPES[type] : undefined);
}

/** Statuses that litellm has no kind of its own for; it gives 500 to what had no answer. */
function byStatus(status: number | undefined, type: string): ErrorCode | undefined {
  if (status === undefined || type === "APIConnectionError") return undefined;
  if (status === 402) return "BACKEND_QUOTA";
  if (status === 401 || status === 403) return "BACKEND_AUTH";
  if (status === 408 || status === 504) return "MODEL_TIMEOUT";
  if (status === 429) return "BACKEND_RATE_LIMITED";
  if (status >= 500) return "MODEL_OVERLOADED";
  return status >= 400 ? "MODEL_REFUSED" : undefined;
}
