import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView, SubmitJob } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { ControlPlane } from "../control-plane.ts";
import { routeAgain } from "../routing/route-again.ts";
import type { Actor, NewJob } from "../store/store.ts";
import { announce } from "./announce.ts";
import { findRepository } from "./find-job.ts";
import { keepContinued } from "./keep-continued.ts";
import { planJob } from "./plan-job.ts";
import { resolveBase } from "./resolve-base.ts";

/** Checks all of a submission at once, resolves what it leaves open, stores it and wakes one worker. */
export async function submitJob(plane: ControlPlane, submitted: SubmitJob, by: Actor, signal: AbortSignal): Promise<{ job: JobView; deduplicated: boolean }> {
  const { draft, contents } = await planJob(plane, submitted, signal);
  return await store(plane, draft, by, contents);
}

/**
 * A blocked job goes on; a final one is submitted again as a new job from the same commit. CONFLICT for one that is at work, or whose `dedupeKey` another
 * active job has by now; BASE_NOT_FOUND where the hub no longer keeps that commit, JOB_IMAGE_MISSING where its images are gone.
 */
export async function retryJob(plane: ControlPlane, job: JobView, by: Actor, signal: AbortSignal): Promise<JobView> {
  if (job.state === "blocked") {
    const unblocked = await plane.store.unblockJob(job.id, by);
    announce(plane, unblocked);
    return unblocked;
  }
  if (job.endedAt === null)
    throw new SlipwayError("CONFLICT", `Job ${job.number} is ${job.state}; only a blocked or a final job can be tried again.`, { state: job.state });
  if (job.kind === "verify") {
    throw new SlipwayError("CONFLICT", "A verify job belongs to a completion and is not tried again by itself.", { hint: "Retry the job that it verifies." });
  }
  // Of a review that one is always among what the repository's branches have; the other may be a job's.
  await resolveBase(plane, await findRepository(plane.store, job.repo.id), job.taskSpec.review?.baseOid ?? job.baseOid, signal);
  const anew = { ...job, ...(await routeAgain(plane, job)) };
  const id = newId();
  await keepContinued(plane, job, id);
  const again = await store(plane, { ...anew, id, repoId: job.repo.id, runAfter: null, retryOf: job.id, completionId: null }, by);
  if (again.deduplicated) throw keyTaken(job, again.job);
  return again.job;
}

/** The job that has the key is somebody else's wish: it must not pass for the one that was asked for. */
function keyTaken({ number, dedupeKey }: JobView, holder: JobView): SlipwayError {
  const message = `Job ${number} cannot be tried again: job ${holder.number} has the same dedupe key and is ${holder.state}.`;
  return new SlipwayError("CONFLICT", message, {
    field: "dedupeKey",
    value: dedupeKey,
    expected: "a key that no active job has",
    job: holder.id,
    jobNumber: holder.number,
    state: holder.state,
    hint: `Follow job ${holder.number} in its place, or cancel it and retry again.`,
  });
}

/** Submits a new job, or gives back the active one with its key. JOB_IMAGE_MISSING where an image is neither kept nor among `contents`. */
export async function store(
  plane: ControlPlane,
  job: NewJob,
  by: Actor,
  contents: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<{ job: JobView; deduplicated: boolean }> {
  const submitted = await plane.jobImages.keep(job.images ?? [], contents, async () => await plane.store.submitJob(job, by));
  if (!submitted.deduplicated) announce(plane, submitted.job);
  return submitted;
}
