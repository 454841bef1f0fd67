import type { ErrorCode } from "@slipway/protocol/errors";

/** The gateway's errors begin with the code that they stand for, and agents repeat what they were told. */
const GATEWAY_CODE =
  /\b(CASSETTE_MISMATCH|BUDGET_EXCEEDED|DAY_BUDGET_EXCEEDED|BACKEND_AUTH|BACKEND_QUOTA|BACKEND_RATE_LIMITED|CONTEXT_TOO_LONG|GATEWAY_UNAVAILABLE|MODEL_(?:REFUSED|NOT_ALLOWED|OVERLOADED|UNREACHABLE|TIMEOUT))\b/;

/** An agent's own words for a failure, and the code that they stand for. */
export type FailureWords = ReadonlyArray<readonly [RegExp, ErrorCode]>;

/**
 * The code that an agent's message stands for: the gateway's own where the message repeats one, else that of the first words which fit, so the more telling
 * ones come first. BACKEND_FAILED where it is none that is known.
 */
export function failureCodeOf(message: string, words: FailureWords): ErrorCode {
  const told = GATEWAY_CODE.exec(message)?.[1] as ErrorCode | undefined;
  return told ?? words.find(([pattern]) => pattern.test(message))?.[1] ?? "BACKEND_FAILED";
}
