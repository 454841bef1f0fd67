import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { ReserveCall } from "@slipway/protocol/gateway-api";
import type { ServerCaller } from "../server-caller.ts";
import type { OpenCalls } from "./open-calls.ts";

/** How long a call may wait for a part of the budget that other calls of its attempt hold, in ms. */
const WAIT_LIMIT_MS = 60_000;

/** Who reserves: the caller with the gateway's own token, and what wakes those who wait. */
export interface Reserving {
  readonly server: ServerCaller;
  readonly calls: OpenCalls;
  /** How long a call may wait for its budget, in ms. */
  readonly waitLimitMs?: number;
}

/**
 * Reserves what the call may cost. Where other calls of the attempt hold what is left of the budget, it waits until one is settled. Ends with the server's
 * refusal (BUDGET_EXCEEDED with `details.waiting` where it waited in vain), with GATEWAY_UNAVAILABLE where the server does not answer
 * (`details.maybeReserved` where it may have reserved all the same), or with the signal's reason.
 */
export async function reserve({ server, calls, waitLimitMs = WAIT_LIMIT_MS }: Reserving, body: ReserveCall, signal: AbortSignal): Promise<{ number: number }> {
  let deadline: AbortSignal | undefined;
  for (;;) {
    const seen = calls.settled(body.token);
    try {
      return await server.call("reserveModelCall", { body });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal.code !== "BUDGET_EXCEEDED" || refusal.details["waiting"] !== true || deadline?.aborted) throw refusal;
    }
    deadline ??= AbortSignal.any([signal, AbortSignal.timeout(waitLimitMs)]);
    await calls.next(body.token, seen, deadline);
    signal.throwIfAborted();
  }
}

/** Codes that say something about the server or this gateway, and nothing about the call. */
const NOT_ABOUT_THE_CALL: ReadonlySet<string> = new Set(["SERVER_UNAVAILABLE", "INTERNAL", "DISK_FULL", "FORBIDDEN", "INVALID_REQUEST"]);

function refusalOf(error: unknown): SlipwayError {
  const refusal = toSlipwayError(error);
  // The server names the field where the attempt's token is wrong; else it is the gateway's own.
  const ownToken = refusal.code === "UNAUTHENTICATED" && refusal.details["field"] !== "token";
  if (!ownToken && !NOT_ABOUT_THE_CALL.has(refusal.code)) return refusal;
  const message = `The gateway cannot reserve what the call may cost: ${refusal.message}`;
  return new SlipwayError("GATEWAY_UNAVAILABLE", message, { maybeReserved: mayHaveReserved(refusal), reason: refusal.code }, { cause: refusal });
}

/** False where the server said no, or nobody was there. */
function mayHaveReserved(error: SlipwayError): boolean {
  if (error.code !== "SERVER_UNAVAILABLE") return false;
  return (error.cause as { code?: unknown } | undefined)?.code !== "ECONNREFUSED";
}
