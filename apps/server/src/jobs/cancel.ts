import type { JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../control-plane.ts";
import { closePullRequest } from "../landing/delivery/on-request.ts";
import type { Actor } from "../store/store.ts";
import { announce } from "./announce.ts";
import { findJob } from "./find-job.ts";

/** Cancels a job; of one that is done and whose pull request is open, that is closed. With it goes the verify job that only it needs. The worker hears it at once, over its signal connection. */
export async function cancelJob(plane: ControlPlane, idOrNumber: string, reason: string, by: Actor, signal: AbortSignal): Promise<JobView> {
  const { id, state, delivery } = await findJob(plane.store, idOrNumber);
  const pullRequest = delivery?.pullRequest?.state;
  if (state === "done" && (pullRequest === "open" || pullRequest === "draft")) return await closePullRequest(plane, id, by, signal);
  const { job, revoked } = await plane.store.cancelJob(id, reason, by);
  // What it has outside of the hub is withdrawn with it.
  plane.deliveries.poke();
  if (revoked) plane.signals.send(revoked.workerId, { type: "revoked", jobId: revoked.jobId, fence: revoked.fence, reason: "cancelled" });
  announce(plane, job);
  const verifyJobId = (await plane.store.getJobDetail(id))?.completion?.verifyJobId;
  const verifyJob = verifyJobId ? await plane.store.getJob(verifyJobId) : undefined;
  if (verifyJob) announce(plane, verifyJob);
  return job;
}
