import { CASSETTE_FILE, type Replay } from "@slipway/protocol/cassette";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail, JobView } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { ControlPlane } from "../control-plane.ts";
import type { Actor } from "../store/store.ts";
import { findRepository } from "./find-job.ts";
import { keepContinued } from "./keep-continued.ts";
import { targetOf } from "./names.ts";
import { resolveBase } from "./resolve-base.ts";
import { store } from "./submit.ts";

/**
 * Submits a recorded job again, from the same commit and with the same settings, whose model calls are answered from a cassette. It lands on a branch of its
 * own. NOT_FOUND where there is no cassette, CONFLICT where it still grows, BASE_NOT_FOUND where the hub no longer keeps the commit.
 */
export async function replayJob(plane: ControlPlane, detail: JobDetail, attempt: number | undefined, by: Actor, signal: AbortSignal): Promise<JobView> {
  const { job } = detail;
  const replay = cassetteOf(detail, attempt);
  const baseOid = job.revision?.baseOid ?? job.baseOid;
  await resolveBase(plane, await findRepository(plane.store, job.repo.id), job.taskSpec.review?.baseOid ?? baseOid, signal);
  const id = newId();
  await keepContinued(plane, job, id);
  const title = `Replay of job ${job.number}: ${job.title}`.slice(0, 200);
  // What the cassette has is one backend's conversation: no other one takes over.
  const own = {
    id,
    title,
    repoId: job.repo.id,
    target: targetOf(title, id),
    runAfter: null,
    dependsOn: [],
    dedupeKey: null,
    routing: null,
    landing: "train" as const,
    revises: null,
  };
  return (await store(plane, { ...job, ...own, baseOid, retryOf: null, record: false, replay, completionId: null }, by)).job;
}

function cassetteOf({ job, artifacts }: JobDetail, attempt: number | undefined): Replay {
  const { number } = job;
  const fences = artifacts.filter(({ name }) => name === CASSETTE_FILE).map(({ fence }) => fence);
  const details = { job: job.id, attempts: fences };
  if (job.replay) {
    const hint = `Replay job ${job.replay.number} in its place.`;
    throw new SlipwayError("NOT_FOUND", `Job ${number} is a replay itself and has no cassette of its own.`, { ...details, hint });
  }
  if (fences.length === 0) {
    const hint = job.record
      ? `Its agent has asked no model, or its artifacts are no longer kept; \`slipway show ${number}\` tells its model calls.`
      : "Record one with `slipway run --record`, then replay that job.";
    throw new SlipwayError("NOT_FOUND", `Job ${number} has no cassette${job.record ? "" : ": it was not recorded"}.`, { ...details, hint });
  }
  // A revision begins with a merge and a session that no replay has.
  const first = job.revision?.number === 1 ? fences.filter((fence) => fence <= (job.revision?.fence ?? 0)) : job.revision ? [] : fences;
  const fence = attempt ?? Math.max(...(first.length > 0 ? first : fences));
  if (!fences.includes(fence)) {
    const hint = `Name one with --attempt: ${fences.join(", ")}.`;
    throw new SlipwayError("NOT_FOUND", `Attempt ${fence} of job ${number} has no cassette.`, { ...details, field: "attempt", value: fence, hint });
  }
  if (!first.includes(fence)) {
    const hint = first.length > 0 ? `Replay the attempt that made the change: --attempt ${first.join(", ")}.` : "Record another job, and replay that one.";
    throw new SlipwayError("CONFLICT", `Attempt ${fence} of job ${number} revised a change, or is of before one that did, and cannot be replayed.`, {
      ...details,
      hint,
    });
  }
  if (job.state === "running" && fence === job.fence) {
    const hint = `Wait until attempt ${fence} has ended: \`slipway logs -f ${number}\`.`;
    throw new SlipwayError("CONFLICT", `Job ${number} is at work, and its cassette not whole.`, { ...details, state: job.state, hint });
  }
  return { jobId: job.id, number, fence };
}
