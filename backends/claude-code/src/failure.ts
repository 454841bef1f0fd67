import { type FailureWords, failureCodeOf } from "@slipway/backend-sdk/failure-code";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import type { ClaudeResult } from "./claude-events.ts";

/** What Claude Code 2.1 says, in its own words or the vendor's, the more telling ones first. */
const WORDS: FailureWords = [
  [/prompt is too long|context (window|limit)/i, "CONTEXT_TOO_LONG"],
  [/credit balance is too low|billing|usage limit/i, "BACKEND_QUOTA"],
  [/invalid api key|not logged in|failed to authenticate|authentication_error/i, "BACKEND_AUTH"],
  [/rejected \(429\)|rate.?limit/i, "BACKEND_RATE_LIMITED"],
  [/overloaded/i, "MODEL_OVERLOADED"],
  [/issue with the selected model|not_found_error|invalid_request_error/i, "MODEL_REFUSED"],
  [/timed out|timeout|stream idle/i, "MODEL_TIMEOUT"],
  [/unable to connect|connection ?refused|ECONNREFUSED/i, "GATEWAY_UNAVAILABLE"],
  [/connection to the api was lost|ECONNRESET|connection (error|closed)|socket|terminated/i, "MODEL_UNREACHABLE"],
];

const REASONS: Readonly<Record<string, ErrorCode>> = {
  error_max_turns: "AGENT_STEP_LIMIT",
  max_turns: "AGENT_STEP_LIMIT",
  prompt_too_long: "CONTEXT_TOO_LONG",
};

/** The end of a turn that Claude Code itself called failed. Some errors come as `success` with `is_error`. */
export function failedByClaude(result: ClaudeResult): TurnResult {
  const message = messageOf(result);
  const details = { subtype: result.subtype, ...(result.terminal_reason ? { reason: result.terminal_reason } : {}) };
  return failedTurn(failureCode(result, message), `Claude Code: ${message}`, details);
}

function failureCode({ subtype, terminal_reason, api_error_status }: ClaudeResult, message: string): ErrorCode {
  const known = REASONS[subtype] ?? REASONS[terminal_reason ?? ""];
  if (known) return known;
  const told = failureCodeOf(message, WORDS);
  return told === "BACKEND_FAILED" && api_error_status ? codeOfStatus(api_error_status) : told;
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401 || status === 403) return "BACKEND_AUTH";
  if (status === 402) return "BACKEND_QUOTA";
  if (status === 429) return "BACKEND_RATE_LIMITED";
  return status >= 500 || status === 408 ? "MODEL_OVERLOADED" : "MODEL_REFUSED";
}

function messageOf({ result, errors, subtype }: ClaudeResult): string {
  if (result !== "") return result;
  const told = errors.map((error) => (typeof error === "string" ? error : JSON.stringify(error))).join("; ");
  return told === "" ? `it ended with ${subtype}` : told;
}
