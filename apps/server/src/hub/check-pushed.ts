import { readJobsRef } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Outcome } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { earlierRefs, jobRef } from "./hub-access.ts";
import { hubRoot } from "./hub-folder.ts";

/**
 * Whether a live attempt's change, or what was kept of its work, is on the hub under the attempt's own ref: what the integrator takes, and what people are
 * shown, must be what this attempt pushed.
 * COMMIT_INVALID where it is not. Of an attempt that is over nothing is said here: the store's fence judges it.
 */
export async function checkPushed(plane: ControlPlane, jobId: string, fence: number, outcome: Outcome): Promise<void> {
  const oid = oidOf(outcome);
  const earlier = outcome.kind === "change" || outcome.kind === "failed" ? (outcome.earlier ?? []) : [];
  if (oid === undefined && earlier.length === 0) return;
  const job = await plane.store.getJob(jobId);
  if (job?.state !== "running" || job.fence !== fence || job.kind !== "task") return;
  const root = hubRoot(plane.folder, job.repo.id);
  const own = jobRef(job.id, fence);
  if (oid !== undefined) await requirePushed(root, { job: job.id, fence, ref: own, oid });
  for (const { number, oid: before } of earlier) await requirePushed(root, { job: job.id, fence, ref: `${earlierRefs(job.id, fence)}/${number}`, oid: before });
}

async function requirePushed(root: string, claimed: { job: string; fence: number; ref: string; oid: string }): Promise<void> {
  const pushed = await readJobsRef(root, claimed.ref);
  if (pushed === claimed.oid) return;
  const what = pushed === null ? "Nothing was pushed to the hub" : "Another commit is on the hub";
  throw new SlipwayError("COMMIT_INVALID", `${what} under this attempt's ref.`, { ...claimed, pushed });
}

function oidOf(outcome: Outcome): string | undefined {
  if (outcome.kind === "change") return outcome.oid;
  return outcome.kind === "failed" ? outcome.kept?.oid : undefined;
}
