import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PHASES } from "@slipway/protocol/events";
import type { Explanation, JobView } from "@slipway/protocol/job";
import { isFinal, JOB_STATES, type JobState } from "@slipway/protocol/states";
import { WaitingRoom } from "@slipway/server/claims/waiting-room";
import { openDataFolder } from "@slipway/server/data-folder";
import { explainJob } from "@slipway/server/jobs/explain/explain";
import type { Known } from "@slipway/server/jobs/explain/part";
import { DELIVERY_TIMES } from "@slipway/server/landing/delivery/failed";
import { openSqliteStore } from "@slipway/server/store/sqlite/open";
import { WorkerSignals } from "@slipway/server/workers/worker-signals";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addRepository, change, completedJob, failed, newJob, oid, receipt, submit, take, verifySpec } from "../conformance/store/fixtures.ts";
import { rounds, walkThrough } from "../conformance/store/properties.ts";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
let repoId: string;
let stop: AbortController;
beforeEach(async () => {
  server = await TestServer.start();
  repoId = (await addRepository(store())).id;
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await server[Symbol.asyncDispose]();
});

const store = () => server.server.plane.store;

/** A registered worker whose signal connection is open. */
async function connected(capabilities: string[]): Promise<string> {
  const workerId = await server.worker(capabilities);
  const opened = Promise.withResolvers<void>();
  void (async () => {
    for await (const _ of server.client("worker").signals(workerId, { signal: stop.signal, onOpen: opened.resolve }));
  })().catch(() => undefined);
  await opened.promise;
  await expect.poll(() => server.server.plane.signals.isConnected(workerId), { interval: 5 }).toBe(true);
  return workerId;
}

async function explain(job: string): Promise<Explanation> {
  const explanation = await server.client("viewer").call("explainJob", { params: { job } });
  expect(explanation.owner).not.toBe("");
  expect(explanation.reason).not.toBe("");
  expect(explanation.unblock).not.toBe("");
  expect(explanation.deadline === null).toBe(isFinal(explanation.state));
  return explanation;
}

async function jobOf(id: string): Promise<JobView> {
  const job = await store().getJob(id);
  if (!job) throw new Error("no such job");
  return job;
}

describe("a queued job", () => {
  const gpu = { requires: ["gpu"], queueTimeoutMs: 3_600_000 };

  test("that no worker can take says what is missing, and fails with QUEUE_TIMEOUT at its deadline", async () => {
    const id = await submit(store(), repoId, gpu);
    const expected = { state: "queued", deadline: (await jobOf(id)).dueAt, unblock: expect.stringContaining("QUEUE_TIMEOUT") };
    expect(await explain(id)).toMatchObject({ ...expected, owner: "you", reason: "No worker is connected." });
    await connected(["backend:script"]);
    expect(await explain(id)).toMatchObject({ ...expected, owner: "you", reason: "No connected worker has gpu." });
    const able = await connected(["gpu"]);
    expect(await explain(id)).toMatchObject({ ...expected, owner: "worker", reason: expect.stringContaining("slots") });
    const hold = async (reason: string | null) => await server.client("worker").call("holdWorker", { params: { worker: able }, body: { reason } });
    await hold("only 3 MiB of memory are available");
    expect(await explain(id)).toMatchObject({
      ...expected,
      owner: "you",
      reason: expect.stringMatching(/claims nothing for now: only 3 MiB of memory are available\.$/),
    });
    const { workers } = await server.client("viewer").call("listWorkers", {});
    expect(workers.map(({ held }) => held).toSorted()).toEqual([null, "only 3 MiB of memory are available"]);
    await hold(null);
    expect(await explain(id)).toMatchObject({ ...expected, owner: "worker" });
    await server.client("admin").call("cordonWorker", { params: { worker: able }, body: { reason: "a new disk" } });
    expect(await explain(id)).toMatchObject({
      ...expected,
      owner: "you",
      reason: expect.stringMatching(/is cordoned: worker-.* by admin of this machine since .* \(a new disk\)\.$/),
      unblock: expect.stringContaining("slipway workers uncordon worker-"),
    });
    await server.client("admin").call("uncordonWorker", { params: { worker: able }, body: {} });
    expect(await explain(id)).toMatchObject({ ...expected, owner: "worker" });
    await server.client("admin").call("drainWorker", { params: { worker: able }, body: {} });
    expect(await explain(id)).toMatchObject({ ...expected, owner: "you", reason: expect.stringContaining("draining") });
    const late = await submit(store(), repoId, { ...gpu, queueTimeoutMs: 0 });
    const { job } = await server.client("viewer").call("getJob", { params: { job: late }, query: { waitMs: 10_000 } });
    expect(job).toMatchObject({ state: "failed", failure: { code: "QUEUE_TIMEOUT" } });
    expect(await explain(late)).toMatchObject({ owner: "nobody", deadline: null });
  });

  test("that waits for its time, for a place in its repository or after a failure says so", async () => {
    const runAfter = Date.now() + 60_000;
    expect(await explain(await submit(store(), repoId, { runAfter }))).toMatchObject({ owner: "clock", deadline: runAfter });
    const { id: narrow } = await addRepository(store(), { maxRunning: 1 });
    const first = await submit(store(), narrow);
    const { fence } = await take(store());
    const second = await submit(store(), narrow);
    expect(await explain(second)).toMatchObject({ owner: "repository", deadline: (await jobOf(second)).dueAt, unblock: expect.stringContaining("maxRunning") });
    await store().finish(first, fence, failed("BACKEND_RATE_LIMITED", 60_000));
    const again = await explain(first);
    expect(again).toMatchObject({ owner: "clock", reason: expect.stringContaining("BACKEND_RATE_LIMITED") });
    expect(again.deadline).toBe((await jobOf(first)).runAfter);
  });

  test("that waits for others has the deadline of the first of them, through others too", async () => {
    const first = await submit(store(), repoId);
    const second = await submit(store(), repoId, { dependsOn: [first] });
    const third = await submit(store(), repoId, { dependsOn: [second] });
    const { dueAt, number } = await jobOf(first);
    expect(await explain(second)).toMatchObject({ owner: "job", deadline: dueAt, reason: `It waits for job ${number} (queued).` });
    expect(await explain(third)).toMatchObject({ owner: "job", deadline: dueAt });
    await take(store());
    expect((await explain(third)).deadline).toBe((await jobOf(first)).dueAt);
  });
});

describe("a running job", () => {
  test.each(PHASES)("in its phase %s has a worker and the end of the attempt's time", async (phase) => {
    const workerId = await connected(["backend:script"]);
    const id = await submit(store(), repoId);
    const { fence } = await take(store(), { workerId });
    expect((await explain(id)).reason).toContain("Attempt 1 of 3 starts on the worker");
    const event = { kind: "phase" as const, data: { phase, status: "started" as const } };
    await store().appendEvents(id, fence, [{ ordinal: 1, at: 5, event }]);
    const { dueAt } = await jobOf(id);
    expect(await explain(id)).toMatchObject({
      state: "running",
      owner: "worker",
      deadline: dueAt,
      reason: expect.stringContaining(`is in its phase \`${phase}\` (since 1970`),
    });
    await store().appendEvents(id, fence, [{ ordinal: 2, at: 9, event: { ...event, data: { phase, status: "ended" } } }]);
    expect((await explain(id)).reason).toContain(`has ended its phase \`${phase}\``);
  });

  test("whose worker is not connected is tried again at the end of its lease", async () => {
    const id = await submit(store(), repoId);
    await take(store());
    expect(await explain(id)).toMatchObject({ owner: "worker", deadline: (await jobOf(id)).leaseUntil, reason: expect.stringContaining("not connected") });
  });
});

test("a blocked job waits for a person, until its deadline", async () => {
  const id = await submit(store(), repoId);
  const { fence } = await take(store());
  await store().finish(id, fence, failed("SANDBOX_UNAVAILABLE"));
  const { number, dueAt } = await jobOf(id);
  expect(await explain(id)).toMatchObject({
    state: "blocked",
    owner: "you",
    deadline: dueAt,
    reason: expect.stringContaining("SANDBOX_UNAVAILABLE"),
    unblock: expect.stringContaining(`slipway retry ${number}`),
  });
});

describe("an integrating job", () => {
  test("waits for an integrator, or for its turn", async () => {
    const [first, second] = [await submit(store(), repoId), await submit(store(), repoId)];
    for (const id of [first, second]) await store().finish(id, (await take(store())).fence, change);
    const { dueAt, number } = await jobOf(first);
    const unblock = expect.stringContaining("INTEGRATION_TIMEOUT");
    expect(await explain(first)).toMatchObject({
      state: "integrating",
      owner: "integrator",
      deadline: dueAt,
      reason: expect.stringContaining("none runs"),
      unblock,
    });
    expect(await explain(second)).toMatchObject({
      owner: "integrator",
      deadline: (await jobOf(second)).dueAt,
      reason: expect.stringContaining(`behind job ${number}`),
    });
  });

  test("is merged, verified and landed, each with its own deadline", async () => {
    const { jobId, completionId, fence } = await completedJob(store(), repoId);
    const merging = await explain(jobId);
    expect(merging).toMatchObject({ owner: "integrator", reason: expect.stringContaining("merges it onto main") });
    expect(merging.deadline).toBe((await store().integrationOf(jobId))?.leaseUntil);

    const { verifyJob } = await store().requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" }));
    const verifying = { state: "integrating", reason: expect.stringContaining(`verified by job ${verifyJob.number} (queued)`) };
    expect(await explain(jobId)).toMatchObject({ ...verifying, owner: "you", deadline: verifyJob.dueAt });
    const lease = await take(store());
    expect(await explain(jobId)).toMatchObject({
      owner: "worker",
      deadline: (await jobOf(verifyJob.id)).leaseUntil,
      reason: expect.stringContaining("(running)"),
    });
    await store().finish(verifyJob.id, lease.fence, { kind: "verified", receipts: [receipt(oid("tree a"), "test", 0)] });

    await store().intendLanding(completionId, fence, { target: "main", oldOid: null, newOid: oid("new") });
    const landing = await explain(jobId);
    expect(landing).toMatchObject({ owner: "server", reason: expect.stringContaining("being carried out") });
    expect(landing.deadline).toBeLessThanOrEqual(Date.now() + 1_000);
    await store().markLanded(completionId, fence);
    expect(await explain(jobId)).toMatchObject({ state: "done", owner: "nobody" });
  });

  test("is taken up again where its integrator was lost", async () => {
    const { jobId, completionId, fence } = await completedJob(store(), repoId);
    await store().renewCompletion(completionId, fence, 0);
    await store().reap();
    expect(await explain(jobId)).toMatchObject({
      owner: "integrator",
      deadline: (await jobOf(jobId)).dueAt,
      reason: expect.stringContaining("taken up again"),
    });
  });
});

test("whatever happened to a job, it is explained", { timeout: 120_000 }, async () => {
  const seen = new Set<JobState>();
  await fc.assert(
    fc.asyncProperty(rounds, async (walk) => {
      const folder = await mkdtemp(join(tmpdir(), "slipway-explain-"));
      try {
        await using walked = await openSqliteStore({ file: join(folder, "slipway.db") });
        await walkThrough(walked, walk);
        const known: Known = {
          store: walked,
          folder: await openDataFolder(folder),
          signals: new WorkerSignals(),
          completionRoom: new WaitingRoom(),
          dayBudget: {},
          deliveryTimes: DELIVERY_TIMES,
        };
        for (const job of await walked.listJobs({ limit: 1_000 })) {
          const explanation = await explainJob(known, job);
          seen.add(job.state);
          expect(explanation.state).toBe(job.state);
          expect(explanation.deadline === null, JSON.stringify(explanation)).toBe(isFinal(job.state));
          for (const text of [explanation.owner, explanation.reason, explanation.unblock]) expect(text).not.toMatch(/^$|undefined|null|NaN/);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
    }),
    { numRuns: 10 },
  );
  expect([...seen].toSorted()).toEqual([...JOB_STATES].toSorted());
});
