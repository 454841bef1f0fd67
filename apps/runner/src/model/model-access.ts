import type { BackendDefinition, ModelAccess } from "@slipway/backend-sdk/backend";
import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import type { ModelPort } from "./model-port.ts";

/** What an agent may make of a gateway that it cannot reach; the other failures of a turn have a cause of their own. */
const MAY_BE_THE_WAY: ReadonlySet<ErrorCode> = new Set([
  ...(["BACKEND_FAILED", "BACKEND_OUTPUT_INVALID", "BACKEND_AUTH", "BACKEND_QUOTA", "BACKEND_RATE_LIMITED"] as const),
  ...(["MODEL_REFUSED", "MODEL_OVERLOADED", "MODEL_UNREACHABLE", "MODEL_TIMEOUT", "AGENT_TIMEOUT", "AGENT_STALLED"] as const),
]);

/** The way to the models, for a backend that needs one; undefined for the others. GATEWAY_UNAVAILABLE where there is none. */
export async function openModelAccess(backend: BackendDefinition, request: TurnRequest, port: Pick<ModelPort, "open">): Promise<ModelAccess | undefined> {
  if (!backend.capabilities.model) return undefined;
  const { gateway } = request;
  if (!gateway && backend.capabilities.modelOptional) return undefined;
  if (!gateway)
    throw new SlipwayError("GATEWAY_UNAVAILABLE", `The backend ${backend.name} needs a model, and its worker has no gateway.`, { backend: backend.name });
  try {
    return { baseUrl: await port.open(gateway.socket), token: gateway.token };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SlipwayError("GATEWAY_UNAVAILABLE", `The sandbox's port to the model gateway cannot be opened: ${reason}.`, {}, { cause: error });
  }
}

/** The result of a turn whose agent could not reach the gateway in the end (`lost` says why) names that as its failure; any other stays as it is. */
export function withLostGateway(result: TurnResult, lost: string | undefined): TurnResult {
  if (result.status === "done" || lost === undefined || !MAY_BE_THE_WAY.has(result.failure.code)) return result;
  const { code, message } = result.failure;
  const details = { reason: lost, agentSaid: { code, message: message.slice(0, 2_000) } };
  return { status: "failed", failure: { code: "GATEWAY_UNAVAILABLE", message: `The agent could not reach the model gateway (${lost}).`, details } };
}
