import { type FailureWords, failureCodeOf } from "@slipway/backend-sdk/failure-code";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import type { TurnError } from "./codex-events.ts";

/** What Codex 0.169 says, in its own words or the vendor's, the more telling ones first. */
const WORDS: FailureWords = [
  [/ran out of room in the model's context window|context_length_exceeded/i, "CONTEXT_TOO_LONG"],
  [/quota exceeded|exceeded your current quota|insufficient_quota|status:? 402\b|usage limit/i, "BACKEND_QUOTA"],
  [/status:? 429\b|rate limit/i, "BACKEND_RATE_LIMITED"],
  [/status:? 40[13]\b|incorrect api key|missing environment variable/i, "BACKEND_AUTH"],
  [/at capacity|high demand|overloaded|status:? 5\d\d\b/i, "MODEL_OVERLOADED"],
  [/idle timeout|timed out/i, "MODEL_TIMEOUT"],
  [/connection failed|error sending request|connection refused/i, "GATEWAY_UNAVAILABLE"],
  [/stream disconnected|transport error|network error/i, "MODEL_UNREACHABLE"],
  [/invalid_request_error|model does not exist|status:? 4\d\d\b/i, "MODEL_REFUSED"],
];

/** Codex's own codes, where its words say nothing. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  contextWindowExceeded: "CONTEXT_TOO_LONG",
  usageLimitExceeded: "BACKEND_QUOTA",
  sessionBudgetExceeded: "BACKEND_QUOTA",
  rateLimitExceeded: "BACKEND_RATE_LIMITED",
  unauthorized: "BACKEND_AUTH",
  serverOverloaded: "MODEL_OVERLOADED",
  internalServerError: "MODEL_OVERLOADED",
  badRequest: "MODEL_REFUSED",
  modelNotFound: "MODEL_REFUSED",
  cyberPolicy: "MODEL_REFUSED",
  misalignmentPolicyViolation: "MODEL_REFUSED",
  httpConnectionFailed: "GATEWAY_UNAVAILABLE",
  responseStreamConnectionFailed: "GATEWAY_UNAVAILABLE",
  responseStreamDisconnected: "MODEL_UNREACHABLE",
};

/** The code that an error of Codex stands for; BACKEND_FAILED where it is none that is known. */
export function failureCode({ message, codexErrorInfo: info }: TurnError): ErrorCode {
  const told = failureCodeOf(message, WORDS);
  if (told !== "BACKEND_FAILED") return told;
  const name = typeof info === "string" ? info : typeof info === "object" && info !== null ? Object.keys(info)[0] : undefined;
  return name !== undefined && Object.hasOwn(CODES, name) ? (CODES[name] ?? told) : told;
}

/** The end of a turn that Codex itself called failed. */
export function failedByCodex(error: TurnError): TurnResult {
  return failedTurn(failureCode(error), `Codex: ${vendorMessage(error.message)}`);
}

/** Some messages are the vendor's error as JSON. */
function vendorMessage(message: string): string {
  try {
    const told: unknown = (JSON.parse(message) as { error?: { message?: unknown } }).error?.message;
    return typeof told === "string" ? told : message;
  } catch {
    return message;
  }
}
