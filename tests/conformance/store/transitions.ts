import type { JobView } from "@slipway/protocol/job";
import type { Routing } from "@slipway/protocol/routing";
import { newId } from "@slipway/protocol/scalars";
import { isFinal, TRANSITIONS } from "@slipway/protocol/states";
import type { Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import { sampleRevision } from "../../support/sample-revision.ts";
import {
  addRepository,
  allEvents,
  change,
  completedJob,
  deliveryIntent,
  expireLease,
  failed,
  newJob,
  type OpenStore,
  oid,
  receipt,
  submit,
  take,
  verifySpec,
} from "./fixtures.ts";

type Row = (typeof TRANSITIONS)[number];
type Key = Row extends infer One ? (One extends Row ? `${One["from"]} ${One["on"]}` : never) : never;
/** Takes a new job along the transition, by operations of the store alone; answers its id. */
type Way = (store: Store, repoId: string) => Promise<string>;

async function cancelled(store: Store, jobId: string): Promise<string> {
  await store.cancelJob(jobId, "enough");
  return jobId;
}

async function reaped(store: Store, jobId: string): Promise<string> {
  await store.reap();
  return jobId;
}

async function running(store: Store, repoId: string, maxAttempts = 2): Promise<{ jobId: string; fence: number }> {
  await submit(store, repoId, { maxAttempts });
  return await take(store);
}

async function expired(store: Store, repoId: string, maxAttempts: number): Promise<string> {
  const lease = await running(store, repoId, maxAttempts);
  await expireLease(store, lease);
  return await reaped(store, lease.jobId);
}

async function finished(store: Store, repoId: string, outcome: Parameters<Store["finish"]>[2]): Promise<string> {
  const { jobId, fence } = await running(store, repoId);
  await store.finish(jobId, fence, outcome);
  return jobId;
}

async function accepted(store: Store, of: string, repoId: string): Promise<JobView> {
  const work = { of, fence: 1, oid: oid("kept"), acceptedOid: oid("accepted"), reason: null, red: [] };
  const by = { tokenId: newId(), tokenName: "somebody", role: "submitter", address: "127.0.0.1" } as const;
  return (await store.acceptJob(work, newJob(repoId), by)).job;
}

const stops = ["script", "other"].map((backend) => ({ backend, config: {}, automatic: false }));
const TWO_STOPS: Routing = { asked: "script", needs: [], route: stops, at: 0, cause: "submit", candidates: [] };

const blocked: Way = (store, repoId) => finished(store, repoId, failed("SECRET_MISSING"));

async function handedOver(store: Store, repoId: string): Promise<{ jobId: string; round: number }> {
  const { jobId, completionId, fence } = await completedJob(store, repoId);
  await store.intendDelivery(completionId, fence, deliveryIntent());
  return { jobId, round: 1 };
}

async function refusedDelivery(store: Store, repoId: string): Promise<string> {
  const { jobId, round } = await handedOver(store, repoId);
  await store.blockDelivery(jobId, round, { code: "PUSH_REJECTED", message: "no", details: {} });
  return jobId;
}

/** One way for each transition; a state's own time ends at once in this store. */
const WAYS: Record<Key, Way> = {
  "queued claim": async (store, repoId) => (await running(store, repoId)).jobId,
  "queued accept": async (store, repoId) => (await accepted(store, await finished(store, repoId, failed("NO_CHANGE")), repoId)).id,
  "queued cancel": async (store, repoId) => await cancelled(store, await submit(store, repoId)),
  "queued fail": async (store, repoId) => {
    const dependency = await submit(store, repoId);
    const jobId = await submit(store, repoId, { dependsOn: [dependency] });
    await cancelled(store, dependency);
    return await reaped(store, jobId);
  },
  "queued time-out": async (store, repoId) => await reaped(store, await submit(store, repoId, { queueTimeoutMs: 0 })),
  "running finish-change": (store, repoId) => finished(store, repoId, change),
  "running finish-answer": async (store, repoId) => {
    await submit(store, repoId, { readOnly: true });
    const { jobId, fence } = await take(store);
    await store.finish(jobId, fence, { kind: "answer" });
    return jobId;
  },
  "running finish-kept": async (store, repoId) => {
    await submit(store, repoId, { landing: "none" });
    const { jobId, fence } = await take(store);
    await store.finish(jobId, fence, change);
    return jobId;
  },
  "running finish-verified": async (store, repoId) => {
    const { completionId, fence } = await completedJob(store, repoId);
    await store.requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" }));
    const verify = await take(store, { kinds: ["verify"] });
    await store.finish(verify.jobId, verify.fence, { kind: "verified", receipts: [receipt(oid("tree a"), "test", 0)] });
    return verify.jobId;
  },
  "running requeue": (store, repoId) => finished(store, repoId, failed("RUNNER_LOST")),
  "running failover": async (store, repoId) => {
    await submit(store, repoId, { routing: TWO_STOPS });
    const { jobId, fence } = await take(store);
    await store.finish(jobId, fence, failed("BACKEND_AUTH"));
    return jobId;
  },
  "running fail": (store, repoId) => finished(store, repoId, failed("NO_CHANGE")),
  "running block": blocked,
  "running expire": (store, repoId) => expired(store, repoId, 2),
  "running exhaust": (store, repoId) => expired(store, repoId, 1),
  "running cancel": async (store, repoId) => await cancelled(store, (await running(store, repoId)).jobId),
  "integrating land": async (store, repoId) => {
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    await store.intendLanding(completionId, fence, { target: "main", oldOid: null, newOid: oid("new") });
    await store.markLanded(completionId, fence);
    return jobId;
  },
  "integrating revise": async (store, repoId) => {
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const failure = { code: "MERGE_CONFLICT", message: "no", details: {} } as const;
    await store.rejectCompletion(completionId, fence, failure, { revision: sampleRevision(), reason: "again" });
    return jobId;
  },
  "integrating deliver": async (store, repoId) => {
    const { jobId, round } = await handedOver(store, repoId);
    await store.markPushed(jobId, round);
    await store.markDelivered(jobId, round, null);
    return jobId;
  },
  "integrating block": async (store, repoId) => await refusedDelivery(store, repoId),
  "integrating reject": async (store, repoId) => {
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    await store.rejectCompletion(completionId, fence, { code: "MERGE_CONFLICT", message: "no", details: {} });
    return jobId;
  },
  "integrating time-out": async (store, repoId) => await reaped(store, await finished(store, repoId, change)),
  "integrating cancel": async (store, repoId) => await cancelled(store, await finished(store, repoId, change)),
  "blocked retry": async (store, repoId) => (await store.unblockJob(await blocked(store, repoId))).id,
  "blocked deliver-again": async (store, repoId) => (await store.unblockJob(await refusedDelivery(store, repoId))).id,
  "blocked time-out": async (store, repoId) => await reaped(store, await blocked(store, repoId)),
  "blocked cancel": async (store, repoId) => await cancelled(store, await blocked(store, repoId)),
};

/** The table says no more than the store does. That the store does no more than the table says is a property of every walk. */
export function transitions(open: OpenStore): void {
  test("each transition of the table is made by some operation", async () => {
    const opened = await open({ stateLimits: { overtimeMs: 3_600_000, integratingMs: 0, blockedMs: 0 } });
    try {
      const { store } = opened;
      const repoId = (await addRepository(store)).id;
      for (const { from, on, to } of TRANSITIONS) {
        const jobId = await WAYS[`${from} ${on}` as Key](store, repoId);
        const moves = (await allEvents(store, jobId)).flatMap((event) => (event.kind === "state" ? [event.data] : []));
        expect(moves.at(-1)).toMatchObject({ from, on, to });
        expect((await store.getJob(jobId))?.state).toBe(to);
        // What is left must not be claimed or reaped on another's way.
        for (const job of await store.listJobs({ limit: 1_000 })) if (!isFinal(job.state)) await cancelled(store, job.id);
      }
    } finally {
      await opened.close();
    }
  });
}
