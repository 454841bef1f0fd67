import { SlipwayError } from "@slipway/protocol/errors";
import { isMadeArtifact } from "@slipway/protocol/evidence";
import type { JobDetail } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import type { FastifyReply } from "fastify";
import type { ControlPlane } from "../../control-plane.ts";
import { listArtifacts, makeArtifact, patchOf } from "../../evidence/artifacts.ts";
import { readScorecard } from "../../evidence/scorecard.ts";
import { acceptJob } from "../../jobs/accept.ts";
import { cancelJob } from "../../jobs/cancel.ts";
import { decodeCursor, encodeCursor } from "../../jobs/cursor.ts";
import { explainJob } from "../../jobs/explain/explain.ts";
import { findJob, findJobDetail, findRepository } from "../../jobs/find-job.ts";
import { previewJob } from "../../jobs/preview.ts";
import { replayJob } from "../../jobs/replay.ts";
import { reviseJob } from "../../jobs/revise.ts";
import { statementOf } from "../../jobs/statement.ts";
import { steerJob } from "../../jobs/steer.ts";
import { retryJob, submitJob } from "../../jobs/submit.ts";
import { closePullRequest, syncPullRequest } from "../../landing/delivery/on-request.ts";
import type { Handlers } from "../call.ts";

type Names =
  | "submitJob"
  | "previewJob"
  | "listJobs"
  | "getJob"
  | "explainJob"
  | "cancelJob"
  | "retryJob"
  | "replayJob"
  | "steerJob"
  | "acceptJob"
  | "syncPullRequest"
  | "closePullRequest"
  | "reviseJob"
  | "jobDiff"
  | "jobStatement"
  | "getJobImage"
  | "getArtifact"
  | "listArtifacts"
  | "getScorecard";

/** What users do with jobs. */
export function jobHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  return {
    submitJob: async ({ body, by, signal }) => await submitJob(plane, body, by, signal),
    previewJob: async ({ body, signal }) => await previewJob(plane, body, signal),
    listJobs: async ({ query }) => {
      const jobs = await plane.store.listJobs({
        ...(query.state ? { states: query.state } : {}),
        ...(query.kind ? { kinds: query.kind } : {}),
        ...(query.taskKind ? { taskKinds: query.taskKind } : {}),
        ...(query.lane ? { lanes: query.lane } : {}),
        ...(query.repo === undefined ? {} : { repoId: (await findRepository(plane.store, query.repo)).id }),
        ...(query.backend === undefined ? {} : { backend: query.backend }),
        ...(query.worker === undefined ? {} : { worker: query.worker }),
        ...(query.code ? { codes: query.code } : {}),
        ...(query.who === undefined ? {} : { who: query.who }),
        ...(query.since === undefined ? {} : { since: query.since }),
        ...(query.text === undefined ? {} : { text: query.text }),
        ...(query.number ? { numbers: query.number } : {}),
        ...(query.after === undefined ? {} : { after: query.after }),
        ...(query.cursor === undefined ? {} : { before: decodeCursor(query.cursor) }),
        // One more than asked for tells whether there is another page.
        limit: query.limit + 1,
      });
      const page = jobs.slice(0, query.limit);
      const last = page.at(-1);
      return { jobs: page, nextCursor: jobs.length > page.length && last ? encodeCursor(last.number) : null };
    },
    getJob: async ({ params, query, signal }) => await waitForEnd(plane, params.job, query.waitMs, signal),
    explainJob: async ({ params }) => await explainJob(plane, await findJob(plane.store, params.job)),
    cancelJob: async ({ params, body, by, signal }) => ({ job: await cancelJob(plane, params.job, body.reason ?? `cancelled by ${by.tokenName}`, by, signal) }),
    retryJob: async ({ params, by, signal }) => ({ job: await retryJob(plane, await findJob(plane.store, params.job), by, signal) }),
    replayJob: async ({ params, body, by, signal }) => ({
      job: await replayJob(plane, await findJobDetail(plane.store, params.job), body.attempt, by, signal),
    }),
    steerJob: async ({ params, body, by }) => await steerJob(plane, params.job, body.text, by),
    acceptJob: async ({ params, body, by }) => await acceptJob(plane, params.job, body, by),
    syncPullRequest: async ({ params, by, signal }) => await syncPullRequest(plane, params.job, by, signal),
    closePullRequest: async ({ params, by, signal }) => ({ job: await closePullRequest(plane, params.job, by, signal) }),
    reviseJob: async ({ params, body, by, signal }) => await reviseJob(plane, await findJobDetail(plane.store, params.job), body, by, signal),
    jobDiff: async ({ params, query, reply }) => {
      const patch = await patchOf(plane, await findJobDetail(plane.store, params.job), query);
      reply.type("text/plain; charset=utf-8").serializer(String).send(patch);
      return undefined;
    },
    getScorecard: async ({ params }) => await readScorecard(plane, await findJobDetail(plane.store, params.job)),
    listArtifacts: async ({ params }) => ({ artifacts: listArtifacts(await findJobDetail(plane.store, params.job)) }),
    jobStatement: async ({ params }) => await statementOf(plane, await findJobDetail(plane.store, params.job)),
    getJobImage: async ({ params, reply }) => {
      const { number, images } = await findJob(plane.store, params.job);
      const image = images[params.image - 1];
      if (!image) {
        const has = images.length === 0 ? "has no images" : `has no image ${params.image}, but ${images.length}`;
        throw new SlipwayError("NOT_FOUND", `Job ${number} ${has}.`, {
          field: "image",
          value: params.image,
          hint: `\`slipway show ${number}\` lists those that it has.`,
        });
      }
      sendBytes(reply, await plane.jobImages.read(image));
      return undefined;
    },
    getArtifact: async ({ params, reply }) => {
      const detail = await findJobDetail(plane.store, params.job);
      const { job, artifacts } = detail;
      // The same name may come from several attempts: the newest is meant.
      const newest = artifacts.filter(({ name }) => name === params.name).toSorted((a, b) => b.fence - a.fence)[0];
      if (!newest && isMadeArtifact(params.name)) {
        sendBytes(reply, await makeArtifact(plane, detail, params.name));
        return undefined;
      }
      if (!newest)
        throw new SlipwayError("NOT_FOUND", `Job ${job.number} has no artifact ${params.name}.`, {
          name: params.name,
          artifacts: listArtifacts(detail).map(({ name }) => name),
          hint: `\`slipway artifacts ${job.number}\` lists those that it has.`,
        });
      sendBytes(reply, await plane.artifacts.read(job.id, newest.fence, newest.name));
      return undefined;
    },
  };
}

/** Bytes of others: a browser must not take them for a page of ours. */
function sendBytes(reply: FastifyReply, bytes: Buffer): void {
  reply.type("application/octet-stream").header("x-content-type-options", "nosniff").header("content-disposition", "attachment");
  reply.serializer((payload: unknown) => payload as string).send(bytes);
}

/** The job, held back until it is final or blocked, at most `waitMs`; shorter where the caller goes away or the server closes. */
async function waitForEnd(plane: ControlPlane, idOrNumber: string, waitMs: number, signal: AbortSignal): Promise<JobDetail> {
  const { id } = await findJob(plane.store, idOrNumber);
  using bell = plane.events.watch(id, "state");
  const until = performance.now() + waitMs;
  for (;;) {
    const detail = await findJobDetail(plane.store, id);
    const left = until - performance.now();
    if (isFinal(detail.job.state) || detail.job.state === "blocked" || left <= 0 || signal.aborted || plane.closing.aborted) return detail;
    await bell.heard([signal, plane.closing], left);
  }
}
