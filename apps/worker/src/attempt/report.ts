import type { Client } from "@slipway/protocol/client";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { Outcome } from "@slipway/protocol/worker-api";
import pRetry from "p-retry";
import type { Logger } from "pino";
import { CLAIM_WAIT_MS } from "../daemon/claim-loop.ts";

const MESSAGE_LIMIT = 20_000;
/**
 * A job is not tried again on a full disk before the claims that were asked for with room are over: each would cost it an attempt at once, and this
 * worker asks for no others until there is room. In ms.
 */
const DISK_FULL_PAUSE_MS = CLAIM_WAIT_MS;

/** Of the journal's step that holds what was kept of a failed attempt's work: a `KeptWork`, or null where there was nothing. */
export const KEPT_STEP = "kept";

/** A failure of any kind as the outcome that is reported. `retryAfterMs` of the details becomes the outcome's; after a full disk there is a pause. */
export function failedOutcome(error: unknown): Extract<Outcome, { kind: "failed" }> {
  const { code, message, details } = toSlipwayError(error);
  const retryAfterMs = details["retryAfterMs"] ?? (code === "DISK_FULL" ? DISK_FULL_PAUSE_MS : undefined);
  return {
    kind: "failed",
    failure: { code, message: message.slice(0, MESSAGE_LIMIT), details: plain(details) },
    ...(typeof retryAfterMs === "number" && retryAfterMs >= 0 ? { retryAfterMs: Math.round(retryAfterMs) } : {}),
  };
}

/**
 * Reports the outcome until the server answers: it alone decides whether the lease still counts, also after it was away for longer than that.
 * Answers the job, or undefined where the attempt is stale. Rejects with the signal's reason, or where the server refuses the form of it.
 */
export async function finish(
  client: Pick<Client, "call">,
  attempt: { jobId: string; fence: number },
  outcome: Outcome,
  log: Logger,
  signal: AbortSignal,
): Promise<JobView | undefined> {
  const params = { job: attempt.jobId, fence: attempt.fence };
  try {
    const { job } = await pRetry(() => client.call("finish", { params, body: { outcome }, signal }), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 2_000,
      factor: 2,
      signal,
      shouldRetry: ({ error }) => !isFinalAnswer(error),
      onFailedAttempt: ({ error, attemptNumber }) => {
        if (attemptNumber === 1 && !isFinalAnswer(error)) log.warn({ err: error }, "the outcome could not be reported; trying until the server answers");
      },
    });
    return job;
  } catch (error) {
    signal.throwIfAborted();
    if (!isStale(error)) throw error;
    log.info({ outcome: outcome.kind }, "the lease was lost before the outcome was reported: the attempt is stale and is dropped");
    return undefined;
  }
}

function isStale(error: unknown): boolean {
  return error instanceof SlipwayError && (error.code === "LEASE_LOST" || error.code === "NOT_FOUND");
}

/** What the server would answer the same way the next time. */
const FINAL_ANSWERS: ReadonlySet<string> = new Set(["INVALID_REQUEST", "PAYLOAD_TOO_LARGE", "CONFLICT", "COMMIT_INVALID", "UNAUTHENTICATED", "FORBIDDEN"]);

function isFinalAnswer(error: unknown): boolean {
  return isStale(error) || (error instanceof SlipwayError && FINAL_ANSWERS.has(error.code));
}

/** Plain JSON, whatever somebody put into the details. */
function plain(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(details)) as Record<string, unknown>;
  } catch {
    return { note: "the details were not plain JSON" };
  }
}
