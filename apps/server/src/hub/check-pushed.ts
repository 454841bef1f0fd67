import { readJobsRef } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { jobRef } from "./hub-access.ts";
import { hubRoot } from "./hub-folder.ts";

/**
 * Whether a live attempt's change, or what was kept of its work, is on the hub under the attempt's own ref: what the integrator takes, and what people are
 * shown, must be what this attempt pushed.
 * COMMIT_INVALID where it is not. Of an attempt that is over nothing is said here: the store's fence judges it.
 */
export async function checkPushed(plane: ControlPlane, jobId: string, fence: number, outcome: Outcome): Promise<void> {
  const oid = oidOf(outcome);
  if (oid === undefined) return;
  const job = await plane.store.getJob(jobId);
  if (job?.state !== "running" || job.fence !== fence || job.kind !== "task") return;
  const ref = jobRef(job.id, fence);
  const pushed = await readJobsRef(hubRoot(plane.folder, job.repo.id), ref);
  if (pushed === oid) return;
  const what = pushed === null ? "Nothing was pushed to the hub" : "Another commit is on the hub";
  throw new SlipwayError("COMMIT_INVALID", `${what} under this attempt's ref.`, { job: job.id, fence, ref, oid, pushed });
}

function oidOf(outcome: Outcome): string | undefined {
  if (outcome.kind === "change") return outcome.oid;
  return outcome.kind === "failed" ? outcome.kept?.oid : undefined;
}
