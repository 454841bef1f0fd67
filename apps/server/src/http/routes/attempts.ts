import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import { claimJob } from "../../claims/claim-job.ts";
import type { ControlPlane } from "../../control-plane.ts";
import { checkPushed } from "../../hub/check-pushed.ts";
import { protectedCommits } from "../../hub/protected-commits.ts";
import { findJob } from "../../jobs/find-job.ts";
import { afterAttempt } from "../../routing/after-attempt.ts";
import { closedStops } from "../../routing/closed-stops.ts";
import { sha256 } from "../../secrets.ts";
import type { Handlers } from "../call.ts";
import { invalidField } from "../errors.ts";

type Names = "claim" | "renew" | "protectedCommits" | "appendEvents" | "putArtifact" | "findOpinion" | "keepOpinion" | "finish";

/** What a worker reports of its attempts. Each write is fenced by the store; before it the clocks are compared, so that a sleep costs nobody a lease. */
export function attemptHandlers(plane: ControlPlane): Pick<Handlers, Names> {
  return {
    claim: async ({ body, baseUrl, signal }) => ({ claim: await claimJob(plane, body, baseUrl, signal) }),
    renew: async ({ params }) => {
      await plane.leaseClock.check();
      const { workerId } = await findJob(plane.store, params.job);
      await plane.store.renew(params.job, params.fence, workerId ?? "", LEASE_TTL_MS);
      return { ttlMs: LEASE_TTL_MS };
    },
    protectedCommits: async ({ params }) => await protectedCommits(plane, params.job),
    appendEvents: async ({ params, body }) => {
      await plane.leaseClock.check();
      const { ackOrdinal, stored } = await plane.store.appendEvents(params.job, params.fence, body.events);
      if (stored.length > 0) plane.events.changed(params.job, "events");
      return { ackOrdinal };
    },
    putArtifact: async ({ params, body }) => {
      if (!Buffer.isBuffer(body)) throw invalidField("content-type", undefined, "expected application/octet-stream");
      await plane.leaseClock.check();
      const bytes: Buffer = body;
      const artifact = { name: params.name, bytes: bytes.byteLength, sha256: sha256(bytes) };
      // The row first: it is what a stale fence is refused by, and then not even the file of its own attempt changes.
      await plane.store.putArtifact(params.job, params.fence, artifact);
      await plane.artifacts.write(params.job, params.fence, params.name, bytes);
      return { bytes: artifact.bytes, sha256: artifact.sha256 };
    },
    findOpinion: async ({ params, query }) => ({ opinion: (await plane.store.findOpinion(params.job, query)) ?? null }),
    keepOpinion: async ({ params, body }) => {
      await plane.leaseClock.check();
      await plane.store.keepOpinion(params.job, params.fence, body);
      return {};
    },
    finish: async ({ params, body }) => {
      await plane.leaseClock.check();
      await checkPushed(plane, params.job, params.fence, body.outcome);
      const before = await plane.store.getJob(params.job);
      const backend = before?.backend ?? "";
      const closed = before && body.outcome.kind === "failed" ? await closedStops(plane, before) : [];
      const job = await plane.store.finish(params.job, params.fence, body.outcome, closed);
      if (job.kind === "task") plane.targetChanged(job.repo.id, job.target);
      const code = body.outcome.kind === "failed" ? body.outcome.failure.code : null;
      return { job: await afterAttempt(plane, job, { backend, code }) };
    },
  };
}
