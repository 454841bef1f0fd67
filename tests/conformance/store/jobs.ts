import { newId } from "@slipway/protocol/scalars";
import { expect, test } from "vitest";
import { addRepository, change, claimRequest, expireLease, failed, newJob, type OpenedStore, rejection, statesOf, submit, take } from "./fixtures.ts";

export function jobs(current: () => OpenedStore): void {
  test("a job comes back as it was submitted, numbered from 1, also after reopening", async () => {
    const { store, reopen } = current();
    const repository = await addRepository(store);
    const input = newJob(repository.id, {
      task: "Mach's gut – 修理\u0000",
      backendConfig: { deep: { list: [1, "two", null] } },
      requires: ["os:linux"],
      retryOf: newId(),
    });
    const { job, deduplicated } = await store.submitJob(input);
    expect(deduplicated).toBe(false);
    expect(job).toMatchObject({ id: input.id, number: 1, state: "queued", task: input.task, backendConfig: input.backendConfig, requires: ["os:linux"] });
    expect(job).toMatchObject({
      repo: { id: repository.id, name: repository.name },
      attempts: 0,
      fence: 0,
      leaseUntil: null,
      lastSeq: 1,
      retryOf: input.retryOf,
    });
    expect(await store.getJob("1")).toEqual(job);
    expect(await store.getJob(input.id)).toEqual(job);
    expect(await store.getJob("2")).toBeUndefined();
    expect(await store.getJob(newId())).toBeUndefined();
    const again = await reopen();
    expect(await again.getJob(input.id)).toEqual(job);
    expect(await again.getJobDetail(input.id)).toEqual({
      job,
      attempts: [],
      receipts: [],
      artifacts: [],
      completion: null,
      acts: [],
      acceptance: null,
      acceptedAs: [],
    });
    expect(await again.getJobDetail(newId())).toBeUndefined();
  });

  test("a dedupe key gives the active job back, and a new one once that is final", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const both = await Promise.all([1, 2].map(() => store.submitJob(newJob(repoId, { dedupeKey: "nightly" }))));
    expect(both.map((answer) => answer.deduplicated)).toEqual([false, true]);
    expect(both[0]?.job.id).toBe(both[1]?.job.id);
    await store.cancelJob(both[0]?.job.id ?? "", "enough");
    expect((await store.submitJob(newJob(repoId, { dedupeKey: "nightly" }))).deduplicated).toBe(false);
  });

  test("are listed by worker, code, who submitted them, when they changed, and words of their title or task", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const by = { tokenId: newId(), tokenName: "ada", role: "submitter" as const, address: "127.0.0.1" };
    const make = async (title: string, more: Parameters<typeof newJob>[1] = {}) =>
      (await store.submitJob(newJob(repoId, { title, task: "Nothing else.", ...more }), by)).job;
    const list = async (filter: Partial<Parameters<typeof store.listJobs>[0]>) => (await store.listJobs({ limit: 10, ...filter })).map(({ number }) => number);
    await store.registerWorker({
      workerId: "worker-9",
      name: "anvil",
      slots: 1,
      verifySlots: 1,
      capabilities: [],
      backends: [],
      sandbox: "none",
      version: "1",
    });
    await make("Mend the LOGIN page", { maxAttempts: 1 });
    const lease = await take(store, { workerId: "worker-9" });
    await store.finish(lease.jobId, lease.fence, failed("GATES_FAILED"));
    await make("100 % of the tests", { task: "They pass, login included, and a_b is a name." });
    const { job: third } = await store.submitJob(newJob(repoId, { title: "Somebody else's" }));
    expect(await list({ text: "login" })).toEqual([2, 1]);
    expect(await list({ text: "login mend" })).toEqual([1]);
    expect(await list({ text: "#3" })).toEqual([3]);
    expect(await list({ text: "100 %" })).toEqual([2]);
    expect(await list({ text: "a_b" })).toEqual([2]);
    expect(await list({ text: "axb" })).toEqual([]);
    expect(await list({ text: "  " })).toEqual([3, 2, 1]);
    expect([await list({ worker: "anvil" }), await list({ worker: "worker-9" }), await list({ worker: "anv" })]).toEqual([[1], [1], []]);
    expect([await list({ codes: ["GATES_FAILED"] }), await list({ codes: ["SETUP_FAILED"] })]).toEqual([[1], []]);
    expect([await list({ who: "ada" }), await list({ who: by.tokenId }), await list({ who: "bob" })]).toEqual([[2, 1], [2, 1], []]);
    expect([await list({ numbers: [1, 3, 99] }), await list({ numbers: [] })]).toEqual([[3, 1], []]);
    expect(await list({ after: 1 })).toEqual([3, 2]);
    expect(await list({ since: third.updatedAt + 1 })).toEqual([]);
    expect(await list({ since: third.updatedAt })).toContain(3);
    // What was made of another job was submitted by who asked for that.
    await store.submitJob(newJob(repoId, { title: "Again", retryOf: lease.jobId }), { ...by, tokenName: "bob", tokenId: newId() });
    expect(await list({ who: "bob" })).toEqual([4]);
  });

  test("the same id again is the same submission", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const input = newJob(repoId);
    const first = await store.submitJob(input);
    expect(await store.submitJob(input)).toEqual({ job: first.job, deduplicated: true });
  });

  test("a job of an unknown repository or on an unknown job is refused whole", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    expect((await rejection(store.submitJob(newJob(newId())))).code).toBe("NOT_FOUND");
    const refused = await rejection(store.submitJob(newJob(repoId, { dependsOn: [newId()] })));
    expect(refused.code).toBe("INVALID_REQUEST");
    expect(refused.details).toMatchObject({ field: "dependsOn" });
    expect(await store.listJobs({ limit: 10 })).toEqual([]);
    await submit(store, repoId);
    expect((await store.getJob("1"))?.number).toBe(1);
  });

  test("jobs are listed newest first, filtered, in pages without holes", async () => {
    const { store } = current();
    const [a, b] = [await addRepository(store), await addRepository(store)];
    for (let index = 0; index < 12; index += 1) {
      await submit(store, index % 3 === 0 ? b.id : a.id, { lane: index % 2 === 0 ? "background" : "interactive", backend: index === 4 ? "other" : "script" });
    }
    const numbers: number[] = [];
    for (let before: number | undefined; ; before = numbers.at(-1)) {
      const page = await store.listJobs({ limit: 5, ...(before !== undefined && { before }) });
      if (page.length === 0) break;
      numbers.push(...page.map((job) => job.number));
    }
    expect(numbers).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect((await store.listJobs({ limit: 50, repoId: b.id })).map((job) => job.number)).toEqual([10, 7, 4, 1]);
    expect((await store.listJobs({ limit: 50, repoId: b.id, lanes: ["background"] })).map((job) => job.number)).toEqual([7, 1]);
    expect((await store.listJobs({ limit: 50, backend: "other" })).map((job) => job.number)).toEqual([5]);
    expect(await store.listJobs({ limit: 50, kinds: ["verify"] })).toEqual([]);
    expect(await store.listJobs({ limit: 50, states: [] })).toEqual([]);
    const lease = await take(store);
    expect((await store.listJobs({ limit: 50, states: ["running", "done"] })).map((job) => job.id)).toEqual([lease.jobId]);
  });

  test("a queued, a running and a blocked job can be cancelled, twice too; a final one cannot", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const queued = await submit(store, repoId);
    const first = await store.cancelJob(queued, "not needed");
    expect(first.revoked).toBeNull();
    expect(first.job).toMatchObject({ state: "cancelled", failure: { code: "CANCELLED", message: "not needed" } });
    expect(await store.cancelJob(queued, "again")).toEqual(first);

    const running = await submit(store, repoId);
    const lease = await take(store);
    const cancelled = await store.cancelJob(running, "stop");
    expect(cancelled.revoked).toEqual({ jobId: running, workerId: "worker-1", fence: lease.fence });
    expect(cancelled.job).toMatchObject({ state: "cancelled", leaseUntil: null, workerId: null });
    expect((await rejection(store.finish(running, lease.fence, change))).code).toBe("LEASE_LOST");
    expect((await rejection(store.renew(running, lease.fence, "worker-1", 1_000))).code).toBe("LEASE_LOST");
    expect((await store.getJobDetail(running))?.attempts).toMatchObject([{ outcome: "cancelled" }]);

    const blocked = await submit(store, repoId);
    await store.finish(blocked, (await take(store)).fence, failed("SECRET_MISSING"));
    expect((await store.cancelJob(blocked, "no")).job.state).toBe("cancelled");

    const done = await submit(store, repoId);
    await store.finish(done, (await take(store)).fence, failed("NO_CHANGE"));
    expect((await rejection(store.cancelJob(done, "too late"))).code).toBe("CONFLICT");
    expect((await rejection(store.cancelJob(newId(), "who?"))).code).toBe("NOT_FOUND");
  });

  test("a blocked job is queued again with all its attempts; no other can be", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId, { maxAttempts: 1 });
    const lease = await take(store);
    expect((await rejection(store.unblockJob(jobId))).code).toBe("CONFLICT");
    expect((await store.finish(jobId, lease.fence, failed("BACKEND_AUTH"))).failure?.code).toBe("BACKEND_AUTH");
    expect(await store.unblockJob(jobId)).toMatchObject({ state: "queued", attempts: 0, failure: null });
    expect((await rejection(store.unblockJob(jobId))).code).toBe("CONFLICT");
    expect((await take(store)).fence).toBe(2);
    expect(await statesOf(store, jobId)).toEqual(["queued", "running", "blocked", "queued", "running"]);
  });

  test("what a job waits for is told: dependencies, time, the repository's limit and who is ahead", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store, { maxRunning: 1 });
    const first = await submit(store, repoId);
    const lease = await take(store);
    await submit(store, repoId, { lane: "interactive" });
    const runAfter = (await store.getJob(first))?.createdAt ?? 0;
    const later = await submit(store, repoId, { dependsOn: [first], runAfter: runAfter + 3_600_000 });
    expect(await store.waitingFor(later)).toEqual({
      closedDay: null,
      dependencies: [{ id: first, number: 1, state: "running" }],
      dependenciesDueAt: (await store.getJob(first))?.dueAt,
      runAfter: runAfter + 3_600_000,
      repoRunning: 1,
      repoLimit: 1,
      ahead: 1,
    });
    await expireLease(store, lease);
    await store.reap();
    expect(await store.waitingFor(later)).toMatchObject({ repoRunning: 0, ahead: 2 });
  });

  test("calls that come together keep their own errors", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const answers = await Promise.allSettled(Array.from({ length: 40 }, (_, index) => store.submitJob(newJob(index % 4 === 0 ? newId() : repoId))));
    expect(answers.filter((answer) => answer.status === "rejected")).toHaveLength(10);
    const stored = await store.listJobs({ limit: 100 });
    expect(stored.map((job) => job.number)).toEqual(Array.from({ length: 30 }, (_, index) => 30 - index));
    expect(await store.claim(claimRequest())).not.toBeNull();
  });
}
