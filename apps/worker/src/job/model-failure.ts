import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { AttemptModel } from "@slipway/protocol/gateway-api";
import type { Failure } from "@slipway/protocol/job";
import type { AttemptContext } from "../attempt/context.ts";
import { pause } from "../daemon/pause.ts";
import { whileUnreachable } from "./retry.ts";

/** How long the server is asked, in ms, and how often again while it is out of reach: about three seconds of pauses. */
const ASK_LIMIT_MS = 8_000;
const ASK_RETRIES = 5;
/** An agent may end before the gateway has told the server of the call that it ended by; in ms. */
const SETTLE_GRACE_MS = 250;
const SAID_LIMIT = 2_000;

/**
 * Failures of a turn with a cause of their own, whatever the model said last: the machine's, the configuration's, Slipway's. AGENT_TIMEOUT and AGENT_STALLED
 * are not among them: an agent that tries a model again and again which refuses it is out of time because of that.
 */
const OWN_CAUSE: ReadonlySet<ErrorCode> = new Set([
  ...(["OUT_OF_MEMORY", "PROCESS_LIMIT", "RUNNER_LOST", "DISK_FULL", "INTERNAL", "SANDBOX_UNAVAILABLE"] as const),
  ...(["INVALID_CONFIG", "SECRET_MISSING", "BACKEND_NOT_INSTALLED"] as const),
  ...(["CANCELLED", "LEASE_LOST", "WORKER_STOPPED"] as const),
]);

type Scene = Pick<AttemptContext, "claim" | "client" | "log" | "manifest" | "signal">;

/**
 * The failure of a turn by what its model calls came to, as the gateway told the server, in place of what the agent made of that; the agent's own words
 * are kept in `details.agentSaid`. The failure that was given, where the newest call did not fail, where it has a cause of its own, and where the server
 * stays out of reach. Rejects with the signal's reason.
 */
export async function modelFailure(context: Scene, failure: Failure): Promise<Failure> {
  if (!context.manifest?.capabilities.model || OWN_CAUSE.has(failure.code)) return failure;
  return await newestModelFailure(context, failure);
}

/** The same for whoever knows that the attempt's newest model call was its own. */
export async function newestModelFailure(context: Omit<Scene, "manifest">, failure: Failure): Promise<Failure> {
  const model = await askServer(context);
  if (!model?.failure) return failure;
  const { code, message, details } = model.failure;
  const agentSaid = { code: failure.code, message: failure.message.slice(0, SAID_LIMIT) };
  return { code, message, details: { ...details, ...(model.retryAfterMs === null ? {} : { retryAfterMs: model.retryAfterMs }), agentSaid } };
}

async function askServer({ claim, client, log, signal }: Omit<Scene, "manifest">): Promise<AttemptModel | undefined> {
  const params = { job: claim.job.id, fence: claim.fence };
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ASK_LIMIT_MS)]);
  const ask = (): Promise<AttemptModel> => whileUnreachable(limited, () => client.call("attemptModel", { params, signal: limited }), ASK_RETRIES);
  try {
    const model = await ask();
    if (model.failure) return model;
    await pause(SETTLE_GRACE_MS, limited);
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof SlipwayError ? error.code : undefined;
    log.warn({ err: error, code }, "the server does not say what the attempt's model calls came to; the agent's own failure stands");
    return undefined;
  }
}
