import { expect, test } from "vitest";
import {
  addRepository,
  claimRequest,
  completedJob,
  completionClaim,
  expireLease,
  failed,
  LEASE_TTL_MS,
  newJob,
  type OpenedStore,
  oid,
  rejection,
  statesOf,
  submit,
  take,
  verifySpec,
} from "./fixtures.ts";

const nothing = { requeued: [], failed: [], cancelled: [], revoked: [], freedCompletions: 0 };

export function reaping(current: () => OpenedStore): void {
  test("a live lease is left alone; one that ran out is requeued, and its worker is told", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const lease = await take(store);
    expect(await store.reap()).toEqual(nothing);
    expect(await store.nextDueMs()).toBeGreaterThan(0);
    await expireLease(store, lease);
    expect(await store.nextDueMs()).toBe(0);
    const reaped = await store.reap();
    expect(reaped).toMatchObject({ requeued: [{ id: jobId, state: "queued", attempts: 1, leaseUntil: null }], failed: [] });
    expect(reaped.revoked).toEqual([{ workerId: "worker-1", jobId, fence: lease.fence }]);
    expect((await store.getJobDetail(jobId))?.attempts).toMatchObject([{ outcome: "expired" }]);
    expect(await store.reap()).toEqual(nothing);
    // What is left is its time in the queue.
    expect(await store.nextDueMs()).toBeGreaterThan(LEASE_TTL_MS);
  });

  test("the last attempt's expiry fails the job: with the code that an earlier attempt had, else LEASE_LOST", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const silent = await submit(store, repoId, { maxAttempts: 1 });
    await expireLease(store, await take(store));
    expect((await store.reap()).failed).toMatchObject([{ id: silent, state: "failed", failure: { code: "LEASE_LOST" } }]);

    const telling = await submit(store, repoId, { maxAttempts: 2 });
    await store.finish(telling, (await take(store)).fence, failed("OUT_OF_MEMORY"));
    await store.finish(telling, (await take(store)).fence, failed("WORKER_STOPPED"));
    await expireLease(store, await take(store));
    expect((await store.reap()).failed).toMatchObject([{ id: telling, failure: { code: "OUT_OF_MEMORY" } }]);
    expect((await statesOf(store, telling)).at(-1)).toBe("failed");
  });

  test("after a grace every lease has one full time to live, also one that had run out or lay too far ahead", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const integrating = await completedJob(store, repoId);
    await store.renewCompletion(integrating.completionId, integrating.fence, 0);
    await submit(store, repoId);
    await submit(store, repoId);
    const over = await take(store);
    await take(store, { leaseTtlMs: 86_400_000 });
    await expireLease(store, over);
    const again = await reopen();
    expect(await again.graceLeases(LEASE_TTL_MS)).toBe(3);
    const dueMs = await again.nextDueMs();
    expect(dueMs).toBeGreaterThan(LEASE_TTL_MS - 10_000);
    expect(dueMs).toBeLessThanOrEqual(LEASE_TTL_MS);
    expect(await again.reap()).toEqual(nothing);
    await again.renew(over.jobId, over.fence, "worker-1", LEASE_TTL_MS);
    await again.renewCompletion(integrating.completionId, integrating.fence, LEASE_TTL_MS);
  });

  test("jobs behind a failed or cancelled job fail, all along the chain, with its code", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const first = await submit(store, repoId);
    const second = await submit(store, repoId, { dependsOn: [first] });
    const third = await submit(store, repoId, { dependsOn: [second] });
    const unrelated = await submit(store, repoId);
    expect(await store.reap()).toEqual(nothing);
    await store.finish(first, (await take(store)).fence, failed("SCOPE_VIOLATION"));
    expect(await store.nextDueMs()).toBe(0);
    const { failed: broken } = await store.reap();
    expect(broken).toMatchObject([
      { id: second, state: "failed", failure: { code: "SCOPE_VIOLATION", message: "Job 1, which this job depends on, failed with SCOPE_VIOLATION." } },
      { id: third, state: "failed", failure: { code: "SCOPE_VIOLATION" } },
    ]);
    await store.cancelJob(unrelated, "no");
    const late = await submit(store, repoId, { dependsOn: [unrelated] });
    expect(await store.claim(claimRequest())).toBeNull();
    expect((await store.reap()).failed).toMatchObject([
      { id: late, failure: { code: "CANCELLED", message: "Job 4, which this job depends on, was cancelled." } },
    ]);
    expect(await store.nextDueMs()).toBeNull();
  });

  test("an integrator's lost completion is freed, and its late writes have no effect", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { completionId, fence } = await completedJob(store, repoId);
    expect(await store.claimCompletion(completionClaim())).toBeNull();
    await store.renewCompletion(completionId, fence, 0);
    expect(await store.nextDueMs()).toBe(0);
    expect((await store.reap()).freedCompletions).toBe(1);
    const writes = () => [
      store.renewCompletion(completionId, fence, 1_000),
      store.requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" })),
      store.intendLanding(completionId, fence, { target: "main", oldOid: null, newOid: oid("new") }),
      store.markLanded(completionId, fence),
      store.rejectCompletion(completionId, fence, { code: "MERGE_CONFLICT", message: "late", details: {} }),
    ];
    for (const write of writes()) expect((await rejection(write)).code).toBe("LEASE_LOST");
    expect(await store.claimCompletion(completionClaim())).toMatchObject({ completion: { id: completionId, verifyJobId: null }, fence: fence + 1 });
    for (const write of writes()) expect((await rejection(write)).code).toBe("LEASE_LOST");
    expect((await rejection(store.withdrawLanding(completionId, fence))).code).toBe("LEASE_LOST");
    expect((await store.listJobs({ kinds: ["verify"], limit: 5 })).length).toBe(0);
  });

  test("verify jobs of a rejected completion are cancelled, a running one's worker is told", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { completionId, fence } = await completedJob(store, repoId);
    const verify = (run: number) => store.requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" }), run);
    const [running, queued] = [(await verify(1)).verifyJob.id, (await verify(2)).verifyJob.id];
    const lease = await take(store);
    expect(lease.jobId).toBe(running);
    await store.rejectCompletion(completionId, fence, { code: "MERGE_CONFLICT", message: "no", details: {} });
    expect(await store.nextDueMs()).toBe(0);
    const reaped = await store.reap();
    expect(reaped.cancelled.map((job) => [job.id, job.state])).toEqual([
      [running, "cancelled"],
      [queued, "cancelled"],
    ]);
    expect(reaped.revoked).toEqual([{ workerId: "worker-1", jobId: running, fence: lease.fence }]);
    expect((await rejection(store.finish(running, lease.fence, { kind: "verified", receipts: [] }))).code).toBe("LEASE_LOST");
    expect(await store.nextDueMs()).toBeNull();
  });
}
