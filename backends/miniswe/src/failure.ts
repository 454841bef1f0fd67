import type { DriverError } from "@slipway/backend-sdk/python/driver-messages";
import { modelFailureCode } from "@slipway/backend-sdk/python/model-failure";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";

/** Endings that mini-swe-agent has a name for, in words. */
const ENDINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  LimitsExceeded: ["AGENT_STEP_LIMIT", "mini-swe-agent took as many steps as a turn may (stepLimit in backendConfig), and had not submitted."],
  RepeatedFormatError: ["BACKEND_FAILED", "The model answered three times in a row without a command that mini-swe-agent can run."],
};

/** The end of a turn that mini-swe-agent, or the model, made fail. */
export function failureOf(error: DriverError): TurnResult {
  const ending = ENDINGS[error.type];
  if (ending !== undefined) return failedTurn(...ending, { exitStatus: error.type });
  return failedTurn(modelFailureCode(error) ?? "BACKEND_FAILED", `mini-swe-agent: ${error.message}`, { exitStatus: error.type });
}
