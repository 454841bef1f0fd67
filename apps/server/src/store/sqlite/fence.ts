import { SlipwayError } from "@slipway/protocol/errors";
import { NOW } from "./clock.ts";

/** The condition that every write of an attempt carries, on a row of `jobs`; parameter `@fence`. */
export const ATTEMPT_LIVES = `state = 'running' AND fence = @fence AND lease_until > ${NOW}`;

/** The same for an integrator's write, on a row of `completions`. */
export const COMPLETION_LEASE_LIVES = `state = 'pending' AND fence = @fence AND lease_until > ${NOW}`;

/** What a write of a stale attempt ends with. */
export function leaseLost(jobId: string, fence: number): SlipwayError {
  return new SlipwayError("LEASE_LOST", undefined, { job: jobId, fence });
}

export function completionLeaseLost(completionId: string, fence: number): SlipwayError {
  return new SlipwayError("LEASE_LOST", "The integrator's lease on the completion is over.", { completion: completionId, fence });
}
