import type { RequestError } from "@agentclientprotocol/sdk";
import { type FailureWords, failureCodeOf } from "@slipway/backend-sdk/failure-code";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import type { CallFailure } from "./model/call-failure.ts";

/** ACP's own code for an agent that nobody has logged in. */
const AUTH_REQUIRED = -32_000;

/** Words that all agents have from the vendors, the more telling ones first. */
const WORDS: FailureWords = [
  [/context_length_exceeded|context window|maximum context length/i, "CONTEXT_TOO_LONG"],
  [/insufficient_quota|exceeded your current quota|status:? 402\b/i, "BACKEND_QUOTA"],
  [/\b429\b|rate.?limit|RESOURCE_EXHAUSTED/i, "BACKEND_RATE_LIMITED"],
  [/\b40[13]\b|incorrect api key|invalid_api_key|authentication required|UNAUTHENTICATED/i, "BACKEND_AUTH"],
  [/\b5\d\d\b|overloaded|UNAVAILABLE/i, "MODEL_OVERLOADED"],
  [/timed? ?out/i, "MODEL_TIMEOUT"],
  [/ECONNREFUSED|ECONNRESET|connection error|fetch failed|socket hang up/i, "MODEL_UNREACHABLE"],
];

/** The end of a turn whose last call of the model failed. */
export function failedCall(title: string, { code, message, status }: CallFailure): TurnResult {
  return failedTurn(code, `${title}: ${message}`, status === undefined ? {} : { status });
}

/** The end of a turn that the agent itself called failed. */
export function failedByAgent(title: string, { code, message, data }: RequestError, own: FailureWords): TurnResult {
  const said = data === undefined || data === null ? message : `${message} ${typeof data === "string" ? data : JSON.stringify(data)}`;
  const told = failureCodeOf(said, [...own, ...WORDS]);
  const isAuth = told === "BACKEND_FAILED" && code === AUTH_REQUIRED;
  return failedTurn(isAuth ? "BACKEND_AUTH" : told, `${title}: ${said.slice(0, 4_000)}`, { acpCode: code });
}
