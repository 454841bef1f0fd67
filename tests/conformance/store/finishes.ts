import { newId } from "@slipway/protocol/scalars";
import type { Outcome } from "@slipway/protocol/worker-api";
import { expect, test } from "vitest";
import {
  addRepository,
  allEvents,
  change,
  claimRequest,
  completedJob,
  completionClaim,
  failed,
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
  worker,
} from "./fixtures.ts";

export function finishes(current: () => OpenedStore): void {
  test("a change makes a pending completion, and the same report again answers as before", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence } = await take(store);
    const finished = await store.finish(jobId, fence, change);
    expect(finished).toMatchObject({ state: "integrating", resultOid: oid("change"), diffStat: { files: 1 }, leaseUntil: null, endedAt: null });
    const detail = await store.getJobDetail(jobId);
    expect(detail?.completion).toMatchObject({ jobId, repoId, oid: oid("change"), baseOid: oid("base"), target: "main", state: "pending" });
    expect(detail?.attempts).toMatchObject([{ fence, outcome: "change", failure: null }]);
    const again = await reopen();
    expect(await again.finish(jobId, fence, { ...change })).toEqual(finished);
    expect(await again.getJobDetail(jobId)).toEqual(detail);
    expect((await rejection(again.finish(jobId, fence, failed("INTERNAL")))).code).toBe("LEASE_LOST");
    expect(await statesOf(again, jobId)).toEqual(["queued", "running", "integrating"]);
  });

  test("parallel reports of one attempt: one counts", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence } = await take(store);
    const outcomes = [change, failed("NO_CHANGE"), change, failed("INTERNAL")];
    const answers = await Promise.allSettled(outcomes.map((outcome) => store.finish(jobId, fence, outcome)));
    expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect(await statesOf(store, jobId)).toEqual(["queued", "running", "integrating"]);
  });

  test("a code that is tried again requeues until the attempts are used up", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId, { maxAttempts: 2 });
    const first = await store.finish(jobId, (await take(store)).fence, failed("RUNNER_LOST"));
    expect(first).toMatchObject({ state: "queued", attempts: 1, failure: null });
    const { fence } = await take(store);
    const second = await store.finish(jobId, fence, failed("AGENT_STALLED"));
    expect(second).toMatchObject({ state: "failed", attempts: 2, failure: { code: "AGENT_STALLED", details: { from: "test" } } });
    expect(await store.finish(jobId, fence, failed("AGENT_STALLED"))).toEqual(second);
    expect((await store.getJobDetail(jobId))?.attempts.map((attempt) => attempt.failure?.code)).toEqual(["RUNNER_LOST", "AGENT_STALLED"]);
    const states = (await allEvents(store, jobId)).filter((event) => event.kind === "state");
    expect(states.map((event) => event.data.code)).toEqual([undefined, undefined, "RUNNER_LOST", undefined, "AGENT_STALLED"]);
  });

  test("a requeue can wait: the job is not claimed before its time", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const waiting = await store.finish(jobId, (await take(store)).fence, failed("BACKEND_RATE_LIMITED", 3_600_000));
    expect(waiting.runAfter).toBeGreaterThan(waiting.createdAt + 3_500_000);
    expect(await store.claim(claimRequest())).toBeNull();
    const dueMs = await store.nextDueMs();
    expect(dueMs).toBeGreaterThan(3_500_000);
    expect(dueMs).toBeLessThanOrEqual(3_600_000);
  });

  test("a final code fails at once, a person's code blocks", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const final = await submit(store, repoId);
    const ended = await store.finish(final, (await take(store)).fence, failed("GATES_FAILED"));
    expect(ended).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" }, attempts: 1 });
    expect(ended.endedAt).toBeGreaterThan(0);
    const blocked = await submit(store, repoId);
    expect(await store.finish(blocked, (await take(store)).fence, failed("BACKEND_AUTH"))).toMatchObject({ state: "blocked", endedAt: null });
  });

  test("what was kept of a failed attempt is its own, and the job's where that ends or waits for a person by it; it never makes a completion", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const kept = (name: string) => ({ kept: { oid: oid(name), diffStat: { files: 2, insertions: 3, deletions: 4 } } });
    const failedWith = (code: "GATES_FAILED" | "AGENT_STALLED" | "BACKEND_QUOTA", name: string): Outcome => ({ ...failed(code), ...kept(name) });

    const tried = await submit(store, repoId, { maxAttempts: 2 });
    const again = await store.finish(tried, (await take(store)).fence, failedWith("AGENT_STALLED", "first"));
    expect(again).toMatchObject({ state: "queued", resultOid: null, diffStat: null });
    const last = await take(store);
    const ended = await store.finish(tried, last.fence, failedWith("GATES_FAILED", "second"));
    expect(ended).toMatchObject({ state: "failed", resultOid: oid("second"), diffStat: { files: 2, insertions: 3, deletions: 4 }, landedOid: null });
    expect(await store.finish(tried, last.fence, failedWith("GATES_FAILED", "second"))).toEqual(ended);

    const blocked = await submit(store, repoId);
    const waiting = await store.finish(blocked, (await take(store)).fence, failedWith("BACKEND_QUOTA", "third"));
    expect(waiting).toMatchObject({ state: "blocked", resultOid: oid("third") });

    const reopened = await reopen();
    for (const [jobId, keptOids] of [
      [tried, [oid("first"), oid("second")]],
      [blocked, [oid("third")]],
    ] as const) {
      const detail = await reopened.getJobDetail(jobId);
      expect(detail?.attempts.map(({ keptOid, outcome }) => [outcome, keptOid])).toEqual(keptOids.map((keptOid) => ["failed", keptOid]));
      expect(detail?.completion).toBeNull();
    }
    expect(await reopened.claimCompletion(completionClaim())).toBeNull();

    // Tried again by a person it lands by its own change alone.
    await reopened.unblockJob(blocked);
    await reopened.finish(blocked, (await take(reopened)).fence, change);
    expect(await reopened.getJob(blocked)).toMatchObject({ state: "integrating", resultOid: oid("change"), diffStat: { files: 1 } });
    expect((await reopened.claimCompletion(completionClaim()))?.completion).toMatchObject({ jobId: blocked, oid: oid("change") });
    expect(await reopened.claimCompletion(completionClaim())).toBeNull();
  });

  test("a worker's stop does not use up an attempt", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId, { maxAttempts: 1 });
    for (let round = 1; round <= 4; round += 1) {
      expect(await store.finish(jobId, (await take(store)).fence, failed("WORKER_STOPPED"))).toMatchObject({ state: "queued", attempts: 0, fence: round });
    }
    expect(await store.finish(jobId, (await take(store)).fence, failed("INTERNAL"))).toMatchObject({ state: "failed", attempts: 1 });
  });

  test("an attempt ends in the sandbox that it began in, and its completion and its receipts are of that one", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const workerId = newId();
    await store.registerWorker(worker(workerId, "none"));
    const jobId = await submit(store, repoId);
    const lease = await take(store, { workerId });
    expect(await store.liveLeases(workerId)).toEqual([lease]);
    const { events } = await store.readEvents(jobId, 0, 10);
    expect(events.at(-1)).toMatchObject({ kind: "state", data: { to: "running", sandbox: "none" } });
    await store.registerWorker(worker(workerId, "bwrap"));
    expect(await store.liveLeases(workerId)).toEqual([]);
    await store.finish(jobId, lease.fence, change);
    expect((await store.getJobDetail(jobId))?.attempts).toMatchObject([{ sandbox: "none" }]);
    const claimed = await store.claimCompletion(completionClaim());
    if (!claimed) throw new Error("there was no completion to claim");
    const { id } = claimed.completion;
    expect(await store.getCompletion(id)).toMatchObject({ sandbox: "none" });
    // A receipt of an equal tree that was made in the other kind is none of this job's.
    const spec = verifySpec(id, "a");
    const { verifyJob } = await store.requestVerification(id, claimed.fence, spec, newJob(repoId, { kind: "verify" }));
    const { fence } = await take(store, { workerId });
    await store.finish(verifyJob.id, fence, { kind: "verified", receipts: [receipt(spec.tree, "test", 0)] });
    const twin = await completedJob(store, repoId, { target: "twin" });
    await store.requestVerification(twin.completionId, twin.fence, verifySpec(twin.completionId, "a"), newJob(repoId, { kind: "verify" }));
    expect(await store.receiptsFor(repoId, spec.tree)).toHaveLength(1);
    expect((await store.getJobDetail(twin.jobId))?.receipts).toHaveLength(1);
    await store.registerWorker(worker(workerId, "none"));
    const other = await submit(store, repoId, { target: "third" });
    await store.finish(other, (await take(store, { workerId, kinds: ["task"] })).fence, change);
    const third = await store.claimCompletion(completionClaim());
    if (!third) throw new Error("there was no completion to claim");
    await store.requestVerification(third.completion.id, third.fence, verifySpec(third.completion.id, "a"), newJob(repoId, { kind: "verify" }));
    expect((await store.getJobDetail(other))?.receipts).toEqual([]);
  });

  test("receipts come from verify jobs, for their own tree, and only passing ones are proof", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const { jobId, completionId, fence } = await completedJob(store, repoId);
    const spec = verifySpec(completionId, "a");
    const { verifyJob } = await store.requestVerification(completionId, fence, spec, newJob(repoId, { kind: "verify", lane: "interactive" }));
    const claimed = await store.claim(claimRequest());
    expect(claimed).toMatchObject({ job: { id: verifyJob.id, kind: "verify", baseOid: spec.mergedOid, completionId }, verify: spec });
    const lease = claimed?.fence ?? 0;
    expect((await rejection(store.finish(verifyJob.id, lease, change))).code).toBe("INVALID_REQUEST");
    const kept = { oid: oid("kept"), diffStat: { files: 1, insertions: 1, deletions: 0 } };
    expect((await rejection(store.finish(verifyJob.id, lease, { ...failed("INTERNAL"), kept }))).code).toBe("INVALID_REQUEST");
    expect((await rejection(store.finish(verifyJob.id, lease, { kind: "verified", receipts: [receipt(oid("other"), "test", 0)] }))).code).toBe(
      "INVALID_REQUEST",
    );
    const unboxed = { ...receipt(spec.tree, "test", 0), image: "none" };
    expect((await rejection(store.finish(verifyJob.id, lease, { kind: "verified", receipts: [unboxed] }))).code).toBe("INVALID_REQUEST");
    const receipts = [receipt(spec.tree, "lint", 0), receipt(spec.tree, "test", 1), receipt(spec.tree, "build", -1)];
    const done = await store.finish(verifyJob.id, lease, { kind: "verified", receipts });
    expect(done.state).toBe("done");
    expect(await store.finish(verifyJob.id, lease, { kind: "verified", receipts })).toEqual(done);
    const stored = receipts.map((one) => ({ ...one, job: verifyJob.number, at: expect.any(Number) }));
    expect(await store.receiptsFor(repoId, spec.tree)).toEqual([stored[0]]);
    expect(await store.receiptsFor(repoId, oid("other"))).toEqual([]);
    const { id: elsewhere } = await addRepository(store);
    expect(await store.receiptsFor(elsewhere, spec.tree)).toEqual([]);
    expect((await store.getJobDetail(verifyJob.id))?.receipts).toEqual(stored);
    expect((await store.getJobDetail(jobId))?.receipts).toEqual(stored);
    const task = await submit(store, repoId);
    const taken = await take(store);
    expect((await rejection(store.finish(task, taken.fence, { kind: "verified", receipts: [] }))).code).toBe("INVALID_REQUEST");
    expect((await store.getJob(task))?.state).toBe("running");
  });

  test("what a critic said of a tree is found by whoever asks the same in the same repository; what was kept first stays", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence } = await take(store);
    const asked = { tree: oid("tree"), question: sha256("question"), critic: "model lab/big" };
    const opinion = { verdict: "approve" as const, summary: "Well.", criteria: [], findings: [], score: 80, confidence: 1, notes: [] };
    expect(await store.findOpinion(jobId, asked)).toBeUndefined();
    await store.keepOpinion(jobId, fence, { ...asked, opinion });
    await store.keepOpinion(jobId, fence, { ...asked, opinion: { ...opinion, verdict: "reject" } });
    await store.finish(jobId, fence, failed("NO_CHANGE"));
    expect((await rejection(store.keepOpinion(jobId, fence, { ...asked, critic: "late", opinion }))).code).toBe("LEASE_LOST");
    const again = await reopen();
    const other = await submit(again, repoId);
    expect(await again.findOpinion(other, asked)).toEqual(opinion);
    for (const different of [{ tree: oid("other") }, { question: sha256("other") }, { critic: "model lab/small" }])
      expect(await again.findOpinion(other, { ...asked, ...different })).toBeUndefined();
    const elsewhere = await submit(again, (await addRepository(again, { name: "elsewhere" })).id);
    expect(await again.findOpinion(elsewhere, asked)).toBeUndefined();
    expect(await again.dropJobData(jobId, -1_000)).toBe(true);
    expect(await again.findOpinion(other, asked)).toBeUndefined();
  });

  test("artifacts belong to their attempt; the same name again replaces", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const first = await take(store);
    await store.putArtifact(jobId, first.fence, { name: "gate-test.log", bytes: 1, sha256: sha256("1") });
    await store.putArtifact(jobId, first.fence, { name: "gate-test.log", bytes: 2, sha256: sha256("2") });
    await store.finish(jobId, first.fence, failed("INTERNAL"));
    const second = await take(store);
    await store.putArtifact(jobId, second.fence, { name: "gate-test.log", bytes: 3, sha256: sha256("3") });
    expect((await store.getJobDetail(jobId))?.artifacts).toEqual([
      { name: "gate-test.log", bytes: 2, sha256: sha256("2"), fence: 1, at: expect.any(Number) },
      { name: "gate-test.log", bytes: 3, sha256: sha256("3"), fence: 2, at: expect.any(Number) },
    ]);
  });
}
