import type { JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../control-plane.ts";
import type { Actor } from "../store/store.ts";
import { announce } from "./announce.ts";
import { findJob } from "./find-job.ts";

/** Cancels a job, and with it the verify job that only it needs. The worker hears it at once, over its signal connection. */
export async function cancelJob(plane: ControlPlane, idOrNumber: string, reason: string, by: Actor): Promise<JobView> {
  const { id } = await findJob(plane.store, idOrNumber);
  const { job, revoked } = await plane.store.cancelJob(id, reason, by);
  if (revoked) plane.signals.send(revoked.workerId, { type: "revoked", jobId: revoked.jobId, fence: revoked.fence, reason: "cancelled" });
  announce(plane, job);
  const verifyJobId = (await plane.store.getJobDetail(id))?.completion?.verifyJobId;
  const verifyJob = verifyJobId ? await plane.store.getJob(verifyJobId) : undefined;
  if (verifyJob) announce(plane, verifyJob);
  return job;
}
