import { ERRORS } from "@slipway/protocol/errors";
import type { Explanation, JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../../control-plane.ts";

/** What an explanation looks at. */
export type Known = Pick<ControlPlane, "store" | "folder" | "signals" | "completionRoom" | "dayBudget" | "deliveryTimes">;

/** Of a job that is not final: somebody acts on it by a deadline that something keeps. */
export type Waiting = Omit<Explanation, "state" | "deadline" | "candidates"> & { readonly deadline: number };

/** When the server ends the job's state; in the reaper's very next round where that has no time of its own. */
export function dueAt(job: JobView): number {
  return job.dueAt ?? Date.now();
}

/** The failure in one line. */
export function failureText(job: JobView, fallback: string): string {
  return job.failure ? `${job.failure.code}: ${job.failure.message}` : fallback;
}

/** What the failure says to do next. */
export function hintOf(job: JobView): string {
  if (!job.failure) return "Look at it with `slipway show`.";
  const own = job.failure.details["hint"];
  return typeof own === "string" ? own : ERRORS[job.failure.code].hint;
}
