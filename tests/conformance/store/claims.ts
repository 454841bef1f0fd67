import { expect, test } from "vitest";
import {
  addRepository,
  change,
  claimRequest,
  completedJob,
  expireLease,
  failed,
  LEASE_TTL_MS,
  newJob,
  type OpenedStore,
  oid,
  rejection,
  sha256,
  statesOf,
  submit,
  take,
  verifySpec,
} from "./fixtures.ts";

export function claims(current: () => OpenedStore): void {
  test("a claim raises the fence, sets the lease and is told as an event", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const claimed = await store.claim(claimRequest());
    expect(claimed).toMatchObject({ fence: 1, verify: null, again: false, job: { id: jobId, state: "running", attempts: 1, workerId: "worker-1" } });
    expect(claimed?.ttlMs).toBeGreaterThan(LEASE_TTL_MS - 5_000);
    expect(claimed?.ttlMs).toBeLessThanOrEqual(LEASE_TTL_MS);
    expect(await statesOf(store, jobId)).toEqual(["queued", "running"]);
    expect(await store.claim(claimRequest())).toBeNull();
    expect(await store.liveLeases("worker-1")).toEqual([{ jobId, fence: 1 }]);
    expect(await store.liveLeases("worker-2")).toEqual([]);
  });

  test("the same claimId reads its live claim again, and nothing once that is over", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    await submit(store, repoId);
    await submit(store, repoId);
    const request = claimRequest({ credentialSha256: sha256("first") });
    const [first, second] = await Promise.all([store.claim(request), store.claim(request)]);
    expect(second).toMatchObject({ job: { id: first?.job.id }, fence: 1, again: true });
    const again = await reopen();
    expect(await again.claim({ ...request, credentialSha256: sha256("new") })).toMatchObject({ job: { id: first?.job.id }, again: true });
    expect(await again.findAttemptByCredential(sha256("new"))).toBeUndefined();
    expect(await again.findAttemptByCredential(sha256("first"))).toMatchObject({ jobId: first?.job.id, fence: 1, repoId, kind: "task" });
    expect(await again.claim({ ...request, workerId: "worker-2" })).toBeNull();
    await expireLease(again, { jobId: first?.job.id ?? "", fence: 1 });
    expect(await again.claim(request)).toBeNull();
    expect((await again.listJobs({ states: ["queued"], limit: 9 })).length).toBe(1);
  });

  test("fifty parallel claims of twenty jobs take each job once", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const ids = await Promise.all(Array.from({ length: 20 }, () => submit(store, repoId)));
    const claimed = await Promise.all(Array.from({ length: 50 }, (_, index) => store.claim(claimRequest({ workerId: `worker-${index % 5}` }))));
    const taken = claimed.flatMap((claim) => (claim ? [claim.job.id] : []));
    expect(taken.toSorted()).toEqual(ids.toSorted());
  });

  test("order: verify jobs, lane, priority, age", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { id: otherRepoId } = await addRepository(store);
    const completion = await completedJob(store, repoId);
    const order = {
      background: await submit(store, repoId, { lane: "background", priority: 1_000 }),
      older: await submit(store, repoId),
      newer: await submit(store, otherRepoId),
      low: await submit(store, otherRepoId, { priority: -1_000 }),
      high: await submit(store, repoId, { priority: 1_000 }),
      interactive: await submit(store, otherRepoId, { lane: "interactive", priority: -1_000 }),
    };
    const spec = verifySpec(completion.completionId, "a");
    const { verifyJob } = await store.requestVerification(completion.completionId, completion.fence, spec, newJob(repoId, { kind: "verify" }));
    const taken: string[] = [];
    for (let index = 0; index < 7; index += 1) taken.push((await take(store)).jobId);
    expect(taken).toEqual([verifyJob.id, order.interactive, order.high, order.older, order.newer, order.low, order.background]);
  });

  test("only jobs of a kind and of capabilities that the worker has", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const picky = await submit(store, repoId, { requires: ["os:linux", "gpu"], priority: 9 });
    const plain = await submit(store, repoId, { requires: ["os:linux"] });
    expect(await store.claim(claimRequest({ kinds: ["verify"] }))).toBeNull();
    expect(await store.claim(claimRequest({ capabilities: [] }))).toBeNull();
    expect((await take(store)).jobId).toBe(plain);
    expect(await store.claim(claimRequest())).toBeNull();
    expect((await take(store, { capabilities: ["gpu", "arch:x64", "os:linux"] })).jobId).toBe(picky);
  });

  test("a repository's limit holds for its tasks, and keeps neither others' nor verify jobs waiting", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store, { maxRunning: 2 });
    const completion = await completedJob(store, repoId);
    for (let index = 0; index < 5; index += 1) await submit(store, repoId, { lane: "interactive" });
    const claimed = await Promise.all(Array.from({ length: 6 }, () => store.claim(claimRequest({ kinds: ["task"] }))));
    expect(claimed.filter((claim) => claim !== null)).toHaveLength(2);
    const spec = verifySpec(completion.completionId, "a");
    const { verifyJob } = await store.requestVerification(completion.completionId, completion.fence, spec, newJob(repoId, { kind: "verify" }));
    expect((await take(store)).jobId).toBe(verifyJob.id);
    const other = await submit(store, (await addRepository(store)).id, { lane: "background" });
    expect((await take(store)).jobId).toBe(other);
    await store.cancelJob(claimed[0]?.job.id ?? "", "room");
    expect(await store.claim(claimRequest())).not.toBeNull();
    expect(await store.claim(claimRequest())).toBeNull();
  });

  test("a job waits for its time and for its dependencies to be done", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const before = await completedJob(store, repoId);
    const dependent = await submit(store, repoId, { dependsOn: [before.jobId, before.jobId] });
    const now = (await store.getJob(dependent))?.createdAt ?? 0;
    await submit(store, repoId, { runAfter: now + 3_600_000 });
    const past = await submit(store, repoId, { runAfter: now - 1 });
    expect((await take(store)).jobId).toBe(past);
    expect(await store.claim(claimRequest())).toBeNull();
    await store.intendLanding(before.completionId, before.fence, { target: "main", oldOid: null, newOid: oid("new") });
    await store.markLanded(before.completionId, before.fence);
    expect((await take(store)).jobId).toBe(dependent);
    expect(await store.claim(claimRequest())).toBeNull();
    const onDone = await submit(store, repoId, { dependsOn: [before.jobId] });
    expect((await take(store)).jobId).toBe(onDone);
  });

  test("a draining worker gets nothing new, but reads what it has", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const registration = { name: "w", slots: 1, verifySlots: 1, capabilities: [], backends: [], sandbox: "none" as const, version: "1" };
    await store.registerWorker({ workerId: "worker-1", ...registration });
    await submit(store, repoId);
    await submit(store, repoId);
    const request = claimRequest();
    await store.claim(request);
    await store.setDraining("worker-1", true);
    expect(await store.claim(claimRequest())).toBeNull();
    expect(await store.claim(request)).toMatchObject({ again: true });
    expect(await store.claim(claimRequest({ workerId: "worker-2" }))).not.toBeNull();
  });

  test("a lease is renewed by its own worker and fence only, and only while it lives", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    await submit(store, repoId);
    const lease = await take(store, { leaseTtlMs: 5_000 });
    await store.renew(lease.jobId, lease.fence, "worker-1", LEASE_TTL_MS);
    const until = (await store.getJob(lease.jobId))?.leaseUntil ?? 0;
    expect((await rejection(store.renew(lease.jobId, lease.fence, "worker-2", 1))).code).toBe("LEASE_LOST");
    expect((await rejection(store.renew(lease.jobId, lease.fence + 1, "worker-1", 1))).code).toBe("LEASE_LOST");
    expect((await store.getJob(lease.jobId))?.leaseUntil).toBe(until);
    await expireLease(store, lease);
    const lost = await rejection(store.renew(lease.jobId, lease.fence, "worker-1", LEASE_TTL_MS));
    expect(lost).toMatchObject({ code: "LEASE_LOST", details: { job: lease.jobId, fence: lease.fence } });
  });

  test("no write of a stale attempt has any effect, before and after the job is taken anew", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const credentialSha256 = sha256("credential");
    const stale = await take(store, { credentialSha256 });
    expect(await store.findAttemptByCredential(credentialSha256)).toEqual({ jobId, fence: 1, repoId, kind: "task", readsJobs: false });
    await expireLease(store, stale);
    async function expectNoEffect(): Promise<void> {
      const before = await store.getJobDetail(jobId);
      const event = {
        ordinal: 1,
        at: 1,
        event: { kind: "usage" as const, data: { inputTokens: 1, cachedInputTokens: 1, outputTokens: 1, reasoningTokens: 1, costUsd: 1 } },
      };
      const writes = [
        store.appendEvents(jobId, stale.fence, [event]),
        store.putArtifact(jobId, stale.fence, { name: "a", bytes: 1, sha256: sha256("a") }),
        store.finish(jobId, stale.fence, change),
        store.finish(jobId, stale.fence, failed("INTERNAL")),
        store.renew(jobId, stale.fence, "worker-1", LEASE_TTL_MS),
      ];
      for (const write of writes) expect((await rejection(write)).code).toBe("LEASE_LOST");
      expect(await store.findAttemptByCredential(credentialSha256)).toBeUndefined();
      expect(await store.getJobDetail(jobId)).toEqual(before);
    }
    await expectNoEffect();
    await store.reap();
    await expectNoEffect();
    const fresh = await take(store);
    expect(fresh).toEqual({ jobId, fence: 2 });
    await expectNoEffect();
    expect((await store.finish(jobId, fresh.fence, change)).state).toBe("integrating");
    await expectNoEffect();
  });
}
