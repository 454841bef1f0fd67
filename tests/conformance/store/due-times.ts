import type { StateLimits } from "@slipway/server/store/state-limits";
import type { Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import {
  addRepository,
  change,
  claimRequest,
  completedJob,
  expireLease,
  failed,
  newJob,
  type OpenedStore,
  type OpenStore,
  oid,
  statesOf,
  submit,
  take,
  verifySpec,
} from "./fixtures.ts";

const HOUR_MS = 3_600_000;
const AMPLE: StateLimits = { overtimeMs: HOUR_MS, integratingMs: HOUR_MS, blockedMs: HOUR_MS };

/** How long a job's state lasts at most, in ms, in whole seconds: its newest event may be a little younger than the state. */
async function dueInMs(store: Store, jobId: string): Promise<number | null> {
  const job = await store.getJob(jobId);
  return job?.dueAt == null ? null : Math.round((job.dueAt - job.updatedAt) / 1_000) * 1_000;
}

/** Each state has an end that the reaper keeps. */
export function dueTimes(current: () => OpenedStore, open: OpenStore): void {
  /** A store where the states last as given. */
  async function withLimits(limits: Partial<StateLimits>, work: (opened: OpenedStore) => Promise<void>): Promise<void> {
    const opened = await open({ stateLimits: { ...AMPLE, ...limits } });
    try {
      await work(opened);
    } finally {
      await opened.close();
    }
  }

  test("each state that is not final has its time; a job that waits for others has theirs", async () => {
    await withLimits({}, async ({ store }) => {
      const { id: repoId } = await addRepository(store);
      const jobId = await submit(store, repoId, { queueTimeoutMs: 5_000 });
      expect(await dueInMs(store, jobId)).toBe(5_000);
      const runAfter = Date.now() + HOUR_MS;
      const later = await store.getJob(await submit(store, repoId, { runAfter, queueTimeoutMs: 5_000 }));
      expect(later?.dueAt).toBe(runAfter + 5_000);

      const dependent = await submit(store, repoId, { dependsOn: [jobId], queueTimeoutMs: 7_000 });
      const last = await submit(store, repoId, { dependsOn: [dependent] });
      const first = await store.getJob(jobId);
      for (const id of [dependent, last]) expect((await store.waitingFor(id)).dependenciesDueAt).toBe(first?.dueAt);
      expect(await dueInMs(store, dependent)).toBeNull();

      const { fence } = await take(store);
      expect(await dueInMs(store, jobId)).toBe(60_000 + HOUR_MS);
      await store.finish(jobId, fence, failed("SECRET_MISSING"));
      expect(await dueInMs(store, jobId)).toBe(HOUR_MS);
      await store.unblockJob(jobId);
      expect(await dueInMs(store, jobId)).toBe(5_000);
      await store.finish(jobId, (await take(store)).fence, failed("INTERNAL", 2_000));
      expect(await dueInMs(store, jobId)).toBe(7_000);
      await store.cancelJob(jobId, "enough");
      expect(await dueInMs(store, jobId)).toBeNull();
    });
  });

  test("a dependent's time in the queue begins when nothing holds it up any more", async () => {
    await withLimits({}, async ({ store }) => {
      const { id: repoId } = await addRepository(store);
      const { jobId, completionId, fence } = await completedJob(store, repoId);
      expect(await dueInMs(store, jobId)).toBe(HOUR_MS);
      const dependent = await submit(store, repoId, { dependsOn: [jobId], queueTimeoutMs: 7_000 });
      await store.intendLanding(completionId, fence, { target: "main", oldOid: null, newOid: oid("new") });
      const { job } = await store.markLanded(completionId, fence);
      expect((await store.getJob(dependent))?.dueAt).toBeGreaterThanOrEqual((job.endedAt ?? 0) + 7_000);
      expect(job.dueAt).toBeNull();
    });
  });

  test("a job that no worker takes in its queue time fails, and so do those that wait for it", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const patient = await submit(store, repoId, { requires: ["gpu"] });
    const jobId = await submit(store, repoId, { queueTimeoutMs: 0, requires: ["gpu"] });
    const dependent = await submit(store, repoId, { dependsOn: [jobId] });
    expect(await store.nextDueMs()).toBe(0);
    const code = "QUEUE_TIMEOUT";
    expect((await store.reap()).failed).toMatchObject([
      { id: jobId, state: "failed", failure: { code, details: { requires: ["gpu"] } } },
      { id: dependent, state: "failed", failure: { code } },
    ]);
    expect(await store.nextDueMs()).toBeGreaterThan(0);
    expect((await store.getJob(patient))?.state).toBe("queued");
  });

  test("an attempt that its worker does not end is taken from it, and tried again while attempts are left", async () => {
    await withLimits({ overtimeMs: -60_000 }, async ({ store }) => {
      const { id: repoId } = await addRepository(store);
      const jobId = await submit(store, repoId, { maxAttempts: 2 });
      const lease = await take(store);
      const reaped = await store.reap();
      expect(reaped).toMatchObject({ requeued: [{ id: jobId, state: "queued" }], failed: [] });
      expect(reaped.revoked).toEqual([{ workerId: "worker-1", jobId, fence: lease.fence }]);
      await expect(store.finish(jobId, lease.fence, change)).rejects.toMatchObject({ code: "LEASE_LOST" });
      await take(store);
      expect((await store.reap()).failed).toMatchObject([{ id: jobId, state: "failed", failure: { code: "ATTEMPT_TIMEOUT" } }]);
      const { attempts } = (await store.getJobDetail(jobId)) ?? {};
      expect(attempts).toMatchObject([
        { outcome: "expired", failure: { code: "ATTEMPT_TIMEOUT" } },
        { outcome: "expired", failure: { code: "ATTEMPT_TIMEOUT" } },
      ]);
    });
  });

  test("a job that nobody integrates fails and says where its commit is; one that an integrator works on is left to it", async () => {
    await withLimits({ integratingMs: 0 }, async ({ store }) => {
      const { id: repoId } = await addRepository(store);
      const { jobId, completionId, fence } = await completedJob(store, repoId);
      await store.requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" }));
      expect((await store.reap()).failed).toEqual([]);
      expect(await store.nextDueMs()).toBeGreaterThan(1_000);
      await store.intendLanding(completionId, fence, { target: "main", oldOid: null, newOid: oid("new") });
      await store.withdrawLanding(completionId, fence);
      await store.renewCompletion(completionId, fence, 0);
      // It comes again at the lease's end as it was then known.
      expect((await store.reap()).failed).toEqual([]);
      const [other] = [await submit(store, repoId, { target: "release" })];
      await store.finish(other, (await take(store, { kinds: ["task"] })).fence, change);
      const reaped = await store.reap();
      expect(reaped.failed).toMatchObject([
        { id: other, state: "failed", failure: { code: "INTEGRATION_TIMEOUT", details: { oid: oid("change"), target: "release" } } },
      ]);
      expect((await store.getJobDetail(other))?.completion?.state).toBe("rejected");
      expect((await store.getJob(jobId))?.state).toBe("integrating");
      expect(await statesOf(store, other)).toEqual(["queued", "running", "integrating", "failed"]);
    });
  });

  test("a landing that is written down is never given up", async () => {
    await withLimits({ integratingMs: 0 }, async ({ store }) => {
      const { id: repoId } = await addRepository(store);
      const { jobId, completionId, fence } = await completedJob(store, repoId);
      await store.intendLanding(completionId, fence, { target: "main", oldOid: null, newOid: oid("new") });
      await store.renewCompletion(completionId, fence, 0);
      expect((await store.reap()).failed).toEqual([]);
      expect((await store.markLanded(completionId, null)).job).toMatchObject({ id: jobId, state: "done" });
    });
  });

  test("a blocked job on which nobody acts fails with what blocked it", async () => {
    await withLimits({ blockedMs: 0 }, async ({ store }) => {
      const { id: repoId } = await addRepository(store);
      const jobId = await submit(store, repoId);
      await store.finish(jobId, (await take(store)).fence, failed("SECRET_MISSING"));
      expect((await store.reap()).failed).toMatchObject([{ id: jobId, state: "failed", failure: { code: "SECRET_MISSING" } }]);
    });
  });

  test("after a start every wait has some time left; none is longer than its own", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const over = await submit(store, repoId, { queueTimeoutMs: 0 });
    const short = await submit(store, repoId, { queueTimeoutMs: 30_000 });
    const long = await submit(store, repoId, { queueTimeoutMs: 10 * HOUR_MS });
    const before = await store.getJob(long);
    const again = await reopen();
    await again.graceLeases(1_000);
    // A wait of no time at all has none to be given.
    expect((await again.reap()).failed).toMatchObject([{ id: over }]);
    expect((await again.getJob(short))?.dueAt).toBeGreaterThanOrEqual((before?.createdAt ?? 0) + 30_000);
    expect((await again.getJob(short))?.dueAt).toBeLessThan((before?.createdAt ?? 0) + HOUR_MS);
    expect((await again.getJob(long))?.dueAt).toBe(before?.dueAt);
    const lease = await take(again);
    await expireLease(again, lease);
    await again.graceLeases(1_000);
    expect(await again.reap()).toMatchObject({ requeued: [], failed: [] });
    expect(await again.claim(claimRequest({ kinds: ["verify"] }))).toBeNull();
  });
}
