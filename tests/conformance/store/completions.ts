import { setTimeout } from "node:timers/promises";
import { PASSED_LIMIT } from "@slipway/protocol/train";
import { expect, test } from "vitest";
import {
  addRepository,
  allEvents,
  change,
  claimRequest,
  completedJob,
  completionClaim,
  newJob,
  type OpenedStore,
  oid,
  receipt,
  rejection,
  sha256,
  statesOf,
  submit,
  take,
  verifySpec,
} from "./fixtures.ts";

const intent = { target: "main", oldOid: oid("old"), newOid: oid("new") };

export function completions(current: () => OpenedStore): void {
  test("completions of one target go out one at a time, oldest first; other targets do not wait", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { id: otherRepoId } = await addRepository(store);
    const targets = [
      { repoId, target: "main" },
      { repoId, target: "main" },
      { repoId, target: "release" },
      { repoId: otherRepoId, target: "main" },
    ];
    const ids: string[] = [];
    for (const { repoId: repo, target } of targets) {
      const jobId = await submit(store, repo, { target });
      await store.finish(jobId, (await take(store)).fence, change);
      ids.push(jobId);
    }
    const claimed = await Promise.all(Array.from({ length: 6 }, () => store.claimCompletion(completionClaim())));
    expect(claimed.map((claim) => claim?.completion.jobId)).toEqual([ids[0], ids[2], ids[3], undefined, undefined, undefined]);
    const first = claimed[0];
    await store.intendLanding(first?.completion.id ?? "", first?.fence ?? 0, intent);
    expect(await store.claimCompletion(completionClaim())).toBeNull();
    await store.markLanded(first?.completion.id ?? "", first?.fence ?? 0);
    expect((await store.claimCompletion(completionClaim()))?.completion.jobId).toBe(ids[1]);
  });

  test("the same claimId reads the same completion again", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    await store.finish(await submit(store, repoId), (await take(store)).fence, change);
    const request = completionClaim({ credentialSha256: sha256("one") });
    const first = await store.claimCompletion(request);
    expect(first).toMatchObject({ fence: 1, completion: { state: "pending", fence: 1 } });
    expect(await store.claimCompletion({ ...request, credentialSha256: sha256("two") })).toMatchObject({ fence: 1, completion: first?.completion });
    expect(await store.findCompletionByCredential(sha256("one"))).toEqual({ completionId: first?.completion.id, fence: 1, repoId });
    expect(await store.findCompletionByCredential(sha256("two"))).toBeUndefined();
    expect(await store.claimCompletion(completionClaim())).toBeNull();
  });

  test("a claimId that comes again while its completion lands takes another, and its credential is good for that one only", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    for (const target of ["main", "release"]) await store.finish(await submit(store, repoId, { target }), (await take(store)).fence, change);
    const request = completionClaim({ credentialSha256: sha256("one") });
    const first = await store.claimCompletion(request);
    await store.intendLanding(first?.completion.id ?? "", 1, intent);
    const second = await store.claimCompletion(request);
    expect(second?.completion.target).toBe("release");
    expect(await store.findCompletionByCredential(sha256("one"))).toEqual({ completionId: second?.completion.id, fence: 1, repoId });
  });

  test("a verification is asked for once a merged commit", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { completionId, fence } = await completedJob(store, repoId);
    const ask = (text: string) => store.requestVerification(completionId, fence, verifySpec(completionId, text), newJob(repoId, { kind: "verify" }));
    const [first, second] = await Promise.all([ask("a"), ask("a")]);
    expect([first?.created, second?.created]).toEqual([true, false]);
    expect(second?.verifyJob.id).toBe(first?.verifyJob.id);
    expect(await store.getCompletion(completionId)).toMatchObject({ mergedOid: oid("merged a"), mergedTree: oid("tree a"), verifyJobId: first?.verifyJob.id });
  });

  test("a completion that is merged otherwise is verified anew, the job of the merge before is cancelled, and a second run has a job of its own", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { completionId, fence } = await completedJob(store, repoId);
    const ask = (text: string, run = 1) =>
      store.requestVerification(completionId, fence, verifySpec(completionId, text), newJob(repoId, { kind: "verify" }), run);
    const first = await ask("a");
    const lease = await take(store);
    expect(lease.jobId).toBe(first.verifyJob.id);
    const moved = await ask("b");
    expect(moved).toMatchObject({ created: true, cancelled: [{ id: lease.jobId, state: "cancelled" }], revoked: [{ ...lease, workerId: "worker-1" }] });
    expect(await store.getCompletion(completionId)).toMatchObject({ mergedOid: oid("merged b"), verifyJobId: moved.verifyJob.id });
    // Nobody but the train cancelled the first one, so coming back to its merge makes a new one.
    const back = await ask("a");
    expect(back).toMatchObject({ created: true, cancelled: [{ id: moved.verifyJob.id }] });
    const run = await take(store);
    await store.finish(run.jobId, run.fence, { kind: "verified", receipts: [receipt(oid("tree a"), "test", 1), receipt(oid("tree a"), "lint", 0)] });
    expect(await store.flakyGatesOf(completionId)).toEqual([]);
    const again = await ask("a", 2);
    expect(again).toMatchObject({ created: true, cancelled: [] });
    expect((await ask("a", 2)).verifyJob.id).toBe(again.verifyJob.id);
    const second = await take(store);
    await store.finish(second.jobId, second.fence, { kind: "verified", receipts: [receipt(oid("tree a"), "test", 0), receipt(oid("tree a"), "lint", 0)] });
    expect(await store.flakyGatesOf(completionId)).toEqual(["test"]);
    await store.intendLanding(completionId, fence, { ...intent, flakyGates: ["test"] });
    expect((await store.markLanded(completionId, fence)).completion.flakyGates).toEqual(["test"]);
  });

  test("a verify job that a person cancelled is no reason to make another", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { completionId, fence } = await completedJob(store, repoId);
    const ask = () => store.requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" }));
    const { verifyJob } = await ask();
    await store.cancelJob(verifyJob.id, "stop it");
    expect(await ask()).toMatchObject({ created: false, verifyJob: { id: verifyJob.id, state: "cancelled" } });
  });

  test("an integrator gets as many of a target as it may have at once, in order; nobody else gets any of it meanwhile", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const ids: string[] = [];
    for (const priority of [0, 0, 5, 0]) {
      const jobId = await submit(store, repoId, { priority });
      const lease = await take(store);
      await store.finish(lease.jobId, lease.fence, change);
      ids.push(jobId);
    }
    const limits = [{ repoId, target: "main", parallel: 3 }];
    const ask = async (integratorId: string) => await store.claimCompletion(completionClaim({ integratorId, limits }));
    expect(await store.followedTargets("one")).toEqual([]);
    const first = await ask("one");
    // By priority, then by age.
    expect(first).toMatchObject({ place: 1, completion: { jobId: ids[2] } });
    expect(await store.followedTargets("one")).toEqual([{ repoId, target: "main" }]);
    expect(await store.followedTargets("two")).toEqual([]);
    expect(await ask("two")).toBeNull();
    expect(await ask("one")).toMatchObject({ place: 2, completion: { jobId: ids[0] } });
    expect(await ask("one")).toMatchObject({ place: 3, completion: { jobId: ids[1] } });
    expect(await ask("one")).toBeNull();
    expect((await store.waitingCars(repoId)).map(({ jobId, place }) => [jobId, place])).toEqual([
      [ids[2], 1],
      [ids[0], 2],
      [ids[1], 3],
      [ids[3], null],
    ]);
    expect((await store.integrationOf(ids[3] ?? ""))?.ahead.map(({ isInTrain }) => isInTrain)).toEqual([true, true, true]);
    // One that lands makes room, and whoever is let in stands behind those that are in.
    await store.intendLanding(first?.completion.id ?? "", 1, intent);
    expect(await ask("one")).toBeNull();
    await store.markLanded(first?.completion.id ?? "", 1);
    expect(await ask("one")).toMatchObject({ place: 4, completion: { jobId: ids[3] } });
    expect(await store.followedTargets("one")).toEqual([]);
  });

  test("a change that is foreseen to conflict with one ahead lets those of its priority pass that are not, so many of them", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const ready = async (priority = 0): Promise<{ jobId: string; number: number }> => {
      const jobId = await submit(store, repoId, { priority });
      const lease = await take(store);
      await store.finish(lease.jobId, lease.fence, change);
      return { jobId, number: (await store.getJob(jobId))?.number ?? 0 };
    };
    const limits = [{ repoId, target: "main", parallel: 100 }];
    const ask = async () => (await store.claimCompletion(completionClaim({ limits })))?.completion.jobId;
    const conflict = (job: number) => [{ job, target: "main", paths: ["a.ts"] }];
    const order = async () => (await store.waitingCars(repoId)).map(({ jobId }) => jobId);

    const [first, second, third, last] = [await ready(), await ready(), await ready(), await ready(-5)];
    await store.predictConflicts(first.jobId, conflict(second.number), null);
    await store.predictConflicts(second.jobId, conflict(first.number), null);
    // The first has nobody ahead; the second has, and lets the third pass, but nobody of a lower priority.
    const expected = [first, third, second, last].map(({ jobId }) => jobId);
    expect(await order()).toEqual(expected);
    expect((await store.waitingCars(repoId)).map(({ conflictsWith, passed }) => [conflictsWith, passed])).toEqual([
      [[], 0],
      [[], 0],
      [[first.number], 0],
      [[], 0],
    ]);
    expect(await ask()).toBe(first.jobId);
    expect(await ask()).toBe(third.jobId);
    expect(await store.integrationOf(second.jobId)).toMatchObject({ conflictsWith: [first.number], passed: 1 });
    // Others come again and again: it is let in after so many of them all the same.
    for (let passed = 1; passed < PASSED_LIMIT; passed += 1) {
      const other = await ready();
      expect(await ask()).toBe(other.jobId);
    }
    const late = await ready();
    expect((await store.integrationOf(second.jobId))?.passed).toBe(PASSED_LIMIT);
    expect((await order()).slice(-3)).toEqual([second.jobId, late.jobId, last.jobId]);
    expect(await ask()).toBe(second.jobId);
    expect((await store.waitingCars(repoId)).find(({ jobId }) => jobId === second.jobId)?.conflictsWith).toEqual([]);
    expect(await ask()).toBe(late.jobId);

    // What it conflicts with is not ahead any more: nothing is left to wait for.
    const [fourth, fifth] = [await ready(), await ready()];
    await store.predictConflicts(fourth.jobId, [{ job: null, target: "main", paths: ["a.ts"] }, ...conflict(fifth.number)], null);
    expect((await order()).slice(-3)).toEqual([fourth.jobId, fifth.jobId, last.jobId]);
  });

  test("a batch is verified by its last one, and lands, or does not, as one", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const limits = [{ repoId, target: "main", parallel: 3 }];
    const cars: Array<{ jobId: string; completion: string; fence: number; mergedOid: string }> = [];
    for (const text of ["a", "b", "c"]) {
      const jobId = await submit(store, repoId);
      await store.finish(jobId, (await take(store)).fence, change);
      const claimed = await store.claimCompletion(completionClaim({ limits }));
      cars.push({ jobId, completion: claimed?.completion.id ?? "", fence: claimed?.fence ?? 0, mergedOid: oid(`merged ${text}`) });
    }
    const [a, b, c] = cars as [(typeof cars)[0], (typeof cars)[0], (typeof cars)[0]];
    const batch = [a, b].map(({ completion, fence, mergedOid }) => ({ completion, fence, mergedOid }));
    const ask = async (members = batch) =>
      await store.requestVerification(c.completion, c.fence, verifySpec(c.completion, "c"), newJob(repoId, { kind: "verify" }), 1, members);
    const told = async () => (await store.waitingCars(repoId)).map((car) => [car.verifyJob, car.batch, car.bisects]);
    const jobOf = async (jobId: string) => (await store.getJob(jobId))?.number;

    const alone = await store.requestVerification(a.completion, a.fence, verifySpec(a.completion, "a"), newJob(repoId, { kind: "verify" }));
    // What one of them was verified by until now is not waited for any more.
    const { verifyJob, cancelled } = await ask();
    expect(cancelled.map(({ id }) => id)).toEqual([alone.verifyJob.id]);
    const [last, number] = [await jobOf(c.jobId), verifyJob.number];
    expect(await told()).toEqual([
      [number, last, 0],
      [number, last, 0],
      [number, null, 0],
    ]);
    expect(await store.integrationOf(a.jobId)).toMatchObject({ verifyJobId: verifyJob.id, batch: last, bisects: 0 });
    // Red: told twice, it counts once.
    await store.splitBatch(c.completion, verifyJob.id);
    await ask();
    await store.splitBatch(c.completion, verifyJob.id);
    expect((await told()).map(([, , bisects]) => bisects)).toEqual([1, 1, 1]);

    // A lease that is over has nobody of them land.
    const land = async (members: typeof batch) => await store.intendLanding(c.completion, c.fence, { ...intent, newOid: c.mergedOid, batch: members });
    const stale = batch.map((one, index) => (index === 1 ? { ...one, fence: 9 } : one));
    expect(await rejection(land(stale))).toMatchObject({ code: "LEASE_LOST", details: { completion: b.completion } });
    expect(await rejection(ask(stale))).toMatchObject({ code: "LEASE_LOST", details: { completion: b.completion } });
    expect(await store.openIntents()).toEqual([]);

    // The intent is one, with all that it lands; taking it back takes it back for all.
    await land(batch);
    await land(batch);
    expect(await store.openIntents()).toEqual([{ completionId: c.completion, repoId, ...intent, newOid: c.mergedOid }]);
    expect(await rejection(store.cancelJob(a.jobId, "too late"))).toMatchObject({ code: "CONFLICT" });
    await store.withdrawLanding(c.completion, c.fence);
    for (const { completion } of cars) expect(await store.getCompletion(completion)).toMatchObject({ state: "pending", intent: null });

    await land(batch);
    const again = await reopen();
    const landed = await again.markLanded(c.completion, null);
    expect(await again.markLanded(c.completion, c.fence)).toEqual(landed);
    expect([...landed.batch, landed].map(({ job, completion }) => [job.id, job.state, completion.landedOid, completion.testedOid])).toEqual(
      cars.map(({ jobId, mergedOid }) => [jobId, "done", mergedOid, c.mergedOid]),
    );
    expect(await again.openIntents()).toEqual([]);
  });

  test("a frozen target: what is in hand is taken back, nothing goes out until it is resumed, other targets do not mind", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const frozen = { target: "main", code: "LANDING_UNSAFE", reason: "it changes files that are not its own" } as const;
    expect(await store.freezeTarget(repoId, frozen)).toMatchObject({ ...frozen, by: null });
    expect(await store.freezeTarget(repoId, { ...frozen, reason: "another" })).toMatchObject(frozen);
    expect((await rejection(store.renewCompletion(completionId, fence, 1_000))).code).toBe("LEASE_LOST");
    expect((await rejection(store.intendLanding(completionId, fence, intent))).code).toBe("LEASE_LOST");
    expect(await store.claimCompletion(completionClaim())).toBeNull();
    const other = await submit(store, repoId, { target: "release" });
    await store.finish(other, (await take(store)).fence, change);
    expect((await store.claimCompletion(completionClaim()))?.completion.jobId).toBe(other);
    const again = await reopen();
    expect(await again.frozenTargets(repoId)).toMatchObject([frozen]);
    expect(await again.integrationOf(jobId)).toMatchObject({ frozen });
    expect(await again.resumeTargets(repoId, "release")).toEqual([]);
    expect(await again.resumeTargets(repoId, null)).toEqual(["main"]);
    expect((await again.claimCompletion(completionClaim()))?.completion.jobId).toBe(jobId);
  });

  test("a target that is frozen while a landing is under way keeps the intent until it is settled", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { completionId, fence } = await completedJob(store, repoId);
    await store.intendLanding(completionId, fence, intent);
    await store.freezeTarget(repoId, { target: "main", code: "TRAIN_FROZEN", reason: "release day" });
    expect(await store.openIntents()).toMatchObject([{ completionId }]);
    expect((await store.markLanded(completionId, fence)).job.state).toBe("done");
  });

  test("intent, landing, mark: the job is done once, and says where", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    expect((await rejection(store.markLanded(completionId, fence))).code).toBe("LEASE_LOST");
    await store.intendLanding(completionId, fence, intent);
    await store.intendLanding(completionId, fence, intent);
    expect((await rejection(store.intendLanding(completionId, fence, { ...intent, newOid: oid("other") }))).code).toBe("LEASE_LOST");
    expect(await store.getCompletion(completionId)).toMatchObject({ state: "landing", intent, mergedOid: intent.newOid });
    const again = await reopen();
    expect(await again.openIntents()).toEqual([{ completionId, repoId, ...intent }]);
    expect((await rejection(again.cancelJob(jobId, "stop"))).code).toBe("CONFLICT");
    const landed = await again.markLanded(completionId, fence);
    expect(landed).toMatchObject({ completion: { state: "landed", landedOid: intent.newOid }, job: { state: "done", landedOid: intent.newOid } });
    expect(await again.markLanded(completionId, fence)).toEqual(landed);
    expect(await again.markLanded(completionId, null)).toEqual(landed);
    expect(await again.openIntents()).toEqual([]);
    expect((await allEvents(again, jobId)).at(-1)).toMatchObject({
      kind: "state",
      data: { from: "integrating", to: "done", landedOid: intent.newOid, branch: "main" },
    });
    expect((await rejection(again.cancelJob(jobId, "too late"))).code).toBe("CONFLICT");
  });

  test("an open intent outlives its lease: it is neither freed nor taken, and recovery marks it without a fence", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const shortMs = 500;
    await store.renewCompletion(completionId, fence, shortMs);
    await store.intendLanding(completionId, fence, intent);
    // A second lease, taken later for the same time: when that one is freed, the first has run out too.
    await store.finish(await submit(store, repoId, { target: "other" }), (await take(store)).fence, change);
    const other = await store.claimCompletion(completionClaim({ leaseTtlMs: shortMs }));
    expect(other?.completion.target).toBe("other");
    let freed = 0;
    for (; freed === 0; freed = (await store.reap()).freedCompletions) await setTimeout((await store.nextDueMs()) ?? 0);
    expect(freed).toBe(1);
    expect((await store.claimCompletion(completionClaim()))?.completion.id).toBe(other?.completion.id);
    expect(await store.claimCompletion(completionClaim())).toBeNull();
    expect(await store.openIntents()).toMatchObject([{ completionId }]);
    expect((await store.markLanded(completionId, null)).job).toMatchObject({ id: jobId, state: "done" });
  });

  test("a withdrawn intent can be cancelled or intended anew", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    await store.intendLanding(completionId, fence, intent);
    await store.withdrawLanding(completionId, fence);
    await store.withdrawLanding(completionId, fence);
    expect(await store.getCompletion(completionId)).toMatchObject({ state: "pending", intent: null });
    expect((await rejection(store.markLanded(completionId, null))).code).toBe("LEASE_LOST");
    await store.intendLanding(completionId, fence, { ...intent, oldOid: null });
    expect((await store.markLanded(completionId, fence)).job).toMatchObject({ id: jobId, state: "done" });
  });

  test("a rejection fails the job with the failure, once", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const failure = { code: "MERGE_CONFLICT" as const, message: "both changed a.txt", details: { paths: ["a.txt"] } };
    const rejected = await store.rejectCompletion(completionId, fence, failure);
    expect(rejected).toMatchObject({ completion: { state: "rejected" }, job: { id: jobId, state: "failed", failure } });
    expect(await store.rejectCompletion(completionId, fence, failure)).toEqual(rejected);
    expect((await rejection(store.intendLanding(completionId, fence, intent))).code).toBe("LEASE_LOST");
    expect(await statesOf(store, jobId)).toEqual(["queued", "running", "integrating", "failed"]);
  });

  test("cancelling an integrating job cancels its completion and its verify job, and takes their leases", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const { verifyJob } = await store.requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" }));
    const lease = await take(store);
    const cancelled = await store.cancelJob(jobId, "changed my mind");
    expect(cancelled.job.state).toBe("cancelled");
    expect(cancelled.revoked).toEqual({ jobId: verifyJob.id, workerId: "worker-1", fence: lease.fence });
    expect((await store.getJob(verifyJob.id))?.state).toBe("cancelled");
    expect((await store.getCompletion(completionId))?.state).toBe("cancelled");
    expect((await rejection(store.renewCompletion(completionId, fence, 1_000))).code).toBe("LEASE_LOST");
    expect((await rejection(store.intendLanding(completionId, fence, intent))).code).toBe("LEASE_LOST");
    expect((await rejection(store.finish(verifyJob.id, lease.fence, { kind: "verified", receipts: [] }))).code).toBe("LEASE_LOST");
    expect(await store.claim(claimRequest())).toBeNull();
    expect(await store.claimCompletion(completionClaim())).toBeNull();
  });
}
