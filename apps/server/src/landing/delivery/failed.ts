import { ERRORS, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/failure";
import type { ControlPlane } from "../../control-plane.ts";
import { announce } from "../../jobs/announce.ts";
import type { DeliveryRow } from "../../store/deliveries.ts";

/** Times of deliveries, in ms. */
export interface DeliveryTimes {
  /** The first pause after a failure that may pass; each further one is twice as long, up to five minutes. */
  readonly pauseMs: number;
  /** After this long without success a person has to act. */
  readonly giveUpMs: number;
}

export const DELIVERY_TIMES: DeliveryTimes = { pauseMs: 2_000, giveUpMs: 3_600_000 };
const PAUSE_LIMIT_MS = 300_000;

/** Puts a delivery that failed off, where it may pass by itself; else a person has to act. Whatever it is, commit and branch are kept, and it says where. */
export async function settleFailure(plane: ControlPlane, delivery: DeliveryRow, error: unknown): Promise<void> {
  const { jobId, round, since, branch, oid } = delivery;
  const own = toSlipwayError(error);
  const isPassing = !(error instanceof SlipwayError) || own.code === "FORGE_UNAVAILABLE" || ERRORS[own.code].retry === "requeue";
  const elapsedMs = Date.now() - since;
  const isWithdrawn = delivery.state === "withdrawn";
  const details = { ...own.details, hint: own.hint, branch: own.details["branch"] ?? branch, oid };
  if (isPassing && elapsedMs < plane.deliveryTimes.giveUpMs) {
    plane.log.warn({ jobId, code: own.code, err: error instanceof SlipwayError ? undefined : error }, "a delivery is put off");
    await plane.store.postponeDelivery(jobId, round, pauseOf(plane.deliveryTimes, elapsedMs, own), { code: own.code, message: own.message, details });
    return;
  }
  if (isWithdrawn) {
    plane.log.warn({ jobId, code: own.code }, "the pull request of a cancelled job could not be closed");
    await plane.store.endWithdrawn(jobId, round, null);
    return;
  }
  const now = await plane.store.getDelivery(jobId);
  const kept = now?.state === "opening" ? `The branch ${now.branch} is pushed, and ${oid} is on the hub.` : `The commit ${oid} is kept on the hub.`;
  const failure: Failure = { code: isPassing && own.code === "INTERNAL" ? "PR_FAILED" : own.code, message: `${own.message} ${kept}`.slice(0, 20_000), details };
  if (isPassing && own.code !== "INTERNAL") failure.code = "FORGE_UNAVAILABLE";
  plane.log.warn({ jobId, code: failure.code }, "a delivery needs a person");
  const job = await plane.store.blockDelivery(jobId, round, failure);
  if (job) announce(plane, job);
}

function pauseOf({ pauseMs, giveUpMs }: DeliveryTimes, elapsedMs: number, { details }: SlipwayError): number {
  const asked = details["retryAfterMs"];
  const own = Math.min(PAUSE_LIMIT_MS, Math.max(pauseMs, elapsedMs));
  // A host that asks for more than is left is asked once more at the end.
  return Math.round(Math.min(Math.max(own, typeof asked === "number" ? asked : 0), Math.max(pauseMs, giveUpMs - elapsedMs)));
}
