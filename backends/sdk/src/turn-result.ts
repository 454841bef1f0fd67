import type { ErrorCode } from "@slipway/protocol/errors";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";

/** A turn that ended with a code of the error table. */
export function failedTurn(code: ErrorCode, message: string, details: Record<string, unknown> = {}): TurnResult {
  return { status: "failed", failure: { code, message: message.slice(0, 20_000), details } };
}

/** Any thrown value as the end of a turn; what has no code becomes `fallback`. */
export function failedTurnOf(error: unknown, fallback: ErrorCode = "BACKEND_FAILED"): TurnResult {
  const known = toSlipwayError(error, fallback);
  return failedTurn(known.code, known.message, { ...known.details });
}

/** The end of a turn whose signal aborted: the signal's own reason where it has a code, else CANCELLED. */
export function abortedTurn(signal: AbortSignal): TurnResult {
  return failedTurnOf(signal.reason, "CANCELLED");
}
