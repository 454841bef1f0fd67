import type { JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../control-plane.ts";

/** Wakes who reads the job's events; the phases of a verify job are events of the job that waits for it too. */
export function announceEvents(plane: ControlPlane, job: JobView): void {
  plane.events.changed(job.id, "state");
  if (job.completionId === null) return;
  plane.store.getCompletion(job.completionId).then(
    (completion) => completion && plane.events.changed(completion.jobId, "events"),
    (error: unknown) => plane.log.warn({ err: error, jobId: job.id }, "the readers of a verified job were not woken; they see it with the next event"),
  );
}

/** Tells everybody whom a job's new state concerns: its readers, workers that wait for a job, integrators that wait for a completion. */
export function announce(plane: ControlPlane, job: JobView): void {
  announceEvents(plane, job);
  switch (job.state) {
    case "queued":
      plane.jobRoom.offer(job);
      // Back from an attempt it also left a place in its repository's limit.
      // Whom it was offered to may have to leave it to a worker whose backend works.
      if (job.attempts > 0 || plane.circuits.isAnyOpen) plane.jobRoom.offerAny();
      if (job.runAfter !== null) plane.scheduleChanged();
      break;
    case "running":
      break;
    case "integrating":
      plane.jobRoom.offerAny();
      plane.completionRoom.offerAny();
      break;
    default:
      // The end of a job frees a place in its repository, its dependents, and the target for the next completion.
      plane.jobRoom.offerAny();
      plane.completionRoom.offerAny();
      // Jobs that depend on one that did not end well are the reaper's to fail.
      if (job.state !== "done") plane.scheduleChanged();
  }
}
