import { type FailureWords, failureCodeOf } from "@slipway/backend-sdk/failure-code";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";

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

/** The code that a message of Codex stands for; BACKEND_FAILED where it is none that is known. */
export function failureCode(message: string): ErrorCode {
  return failureCodeOf(message, WORDS);
}

/** The end of a turn that Codex itself called failed. */
export function failedByCodex(message: string): TurnResult {
  return failedTurn(failureCode(message), `Codex: ${vendorMessage(message)}`);
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
