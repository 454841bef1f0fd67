import type { DriverError } from "@slipway/backend-sdk/python/driver-messages";
import { modelFailureCode } from "@slipway/backend-sdk/python/model-failure";
import { failedTurn } from "@slipway/backend-sdk/turn-result";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";

/** Endings that OpenHands has a name for, in words. */
const ENDINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  MaxIterationsReached: ["AGENT_STEP_LIMIT", "OpenHands took as many steps as a turn may (stepLimit in backendConfig), and had not finished."],
  "Status:stuck": ["BACKEND_FAILED", "OpenHands found that its agent repeats itself, and stopped it."],
};

/** The end of a turn that OpenHands, or the model, made fail. */
export function failureOf(error: DriverError): TurnResult {
  const ending = ENDINGS[error.type];
  if (ending !== undefined) return failedTurn(...ending, { exitStatus: error.type });
  return failedTurn(modelFailureCode(error) ?? "BACKEND_FAILED", `OpenHands: ${error.message}`, { exitStatus: error.type });
}
