import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../../control-plane.ts";
import { findJob } from "../../jobs/find-job.ts";
import type { WatchedPullRequest } from "../../store/deliveries.ts";
import type { Actor } from "../../store/store.ts";
import { foundOf } from "./deliver.ts";
import { type Looked, lookNow } from "./look.ts";
import { wayTo } from "./way.ts";

/** For one request of a person, in ms. */
const LIMIT_MS = 120_000;

/** Looks at the pull request of a job now. NOT_FOUND where it has none. */
export async function syncPullRequest(plane: ControlPlane, idOrNumber: string, by: Actor, signal: AbortSignal): Promise<Looked & { job: JobView }> {
  const { job, watched } = await findPullRequest(plane, idOrNumber);
  const limited = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  const looked = await plane.deliveries.alone(watched.jobId, async () => {
    const now = (await findPullRequest(plane, job.id)).watched;
    // Nothing that was looked at before is left out.
    return await lookNow(plane, { ...now, etag: null }, limited);
  });
  await audit(plane, "syncPullRequest", job, by);
  return { ...looked, job: await findJob(plane.store, job.id) };
}

/** Closes the pull request of a job unmerged. NOT_FOUND where it has none, CONFLICT where it is merged; one that is closed stays so. */
export async function closePullRequest(plane: ControlPlane, idOrNumber: string, by: Actor, signal: AbortSignal): Promise<JobView> {
  const { job, watched } = await findPullRequest(plane, idOrNumber);
  const limited = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  await plane.deliveries.alone(watched.jobId, async () => await closeNow(plane, job, watched, limited));
  plane.events.changed(job.id, "state");
  await audit(plane, "closePullRequest", job, by);
  return await findJob(plane.store, job.id);
}

async function closeNow(plane: ControlPlane, job: JobView, watched: WatchedPullRequest, signal: AbortSignal): Promise<void> {
  const { forge } = await wayTo(plane, watched.repoId, "pr", signal);
  const now = await forge?.read(watched.number, null, signal);
  if (!forge || !now || now === "same") throw new SlipwayError("NOT_FOUND", "The pull request is not there any more.", { job: job.id });
  if (now.state === "merged") {
    await plane.store.keepPullRequest(watched.jobId, foundOf(now, null));
    throw new SlipwayError("CONFLICT", `The pull request of job ${job.number} is merged already.`, { url: now.url });
  }
  await forge.close(watched.number, signal);
  await plane.store.keepPullRequest(watched.jobId, { ...foundOf(now, null), state: "closed" });
}

async function findPullRequest(plane: ControlPlane, idOrNumber: string): Promise<{ job: JobView; watched: WatchedPullRequest }> {
  const job = await findJob(plane.store, idOrNumber);
  const watched = await plane.store.pullRequestOf(job.id);
  if (watched) return { job, watched };
  throw new SlipwayError("NOT_FOUND", `Job ${job.number} has no pull request.`, {
    job: job.id,
    landing: job.landing,
    hint: "`slipway show` says where its change went. A pull request comes of `slipway run --landing pr`.",
  });
}

async function audit({ store }: ControlPlane, action: "syncPullRequest" | "closePullRequest", { id }: JobView, by: Actor): Promise<void> {
  await store.recordAudit({ action, by, object: { kind: "job", key: id }, outcome: "ok" });
}
