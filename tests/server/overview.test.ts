import { Client } from "@slipway/protocol/client";
import type { Overview } from "@slipway/protocol/overview";
import { overviewSchema } from "@slipway/protocol/overview";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addRepository, completedJob, failed, newJob, submit, take } from "../conformance/store/fixtures.ts";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
let repoId: string;
beforeEach(async () => {
  server = await TestServer.start();
  repoId = (await addRepository(store(), { name: "ship" })).id;
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const store = () => server.server.plane.store;
const overview = async (): Promise<Overview> => overviewSchema.parse(await server.client("viewer").call("overview", {}));

describe("the overview", () => {
  test("of nothing is empty, and says so", async () => {
    const { at, today, spending, ...rest } = await overview();
    expect(at).toBeGreaterThan(today);
    expect(spending).toMatchObject({ usd: 0, budget: {} });
    expect(rest).toEqual({
      counts: { queued: 0, running: 0, integrating: 0, blocked: 0, done: 0, failed: 0, cancelled: 0 },
      ...{ blocked: [], running: [], workers: [], trains: [], failures: [], circuits: [] },
      waiting: { jobs: 0, lanes: { interactive: 0, normal: 0, background: 0 }, groups: [], others: 0 },
      landed: { jobs: 0, newest: [] },
    });
  });

  test("tells what runs with its phase, what it took so far, and on which worker", async () => {
    const workerId = await server.worker();
    await submit(store(), repoId, { title: "Mend the mast", lane: "interactive" });
    const lease = await take(store(), { workerId });
    await store().appendEvents(lease.jobId, lease.fence, [
      { ordinal: 1, at: 1_000, event: { kind: "phase", data: { phase: "prepare", status: "started" } } },
      { ordinal: 2, at: 2_000, event: { kind: "phase", data: { phase: "turn", status: "started" } } },
      {
        ordinal: 3,
        at: 2_500,
        event: { kind: "usage", data: { inputTokens: 1_000, cachedInputTokens: 0, outputTokens: 50, reasoningTokens: 0, costUsd: 0.25 } },
      },
    ]);
    const { running, counts, workers } = await overview();
    expect(counts).toMatchObject({ running: 1, queued: 0 });
    expect(running).toMatchObject([
      { title: "Mend the mast", workerId, attempts: 1, phase: { name: "turn", at: 2_000, isOver: false }, tokens: 1_050, costUsd: 0.25, lane: "interactive" },
    ]);
    expect(workers).toMatchObject([{ id: workerId, slots: 4, verifySlots: 2, connected: false, cordon: null }]);
  });

  test("groups what waits by what holds it up, in the words of explain, and counts the lanes", async () => {
    const { id: narrow } = await addRepository(store(), { name: "narrow", maxRunning: 1 });
    await submit(store(), narrow);
    await take(store(), { workerId: await server.worker() });
    const behind = [await submit(store(), narrow), await submit(store(), narrow, { lane: "background" })];
    const first = await submit(store(), repoId, { requires: ["gpu"] });
    for (let more = 0; more < 2; more += 1) await submit(store(), repoId, { requires: ["gpu"] });
    await submit(store(), repoId, { dependsOn: [first] });
    await submit(store(), repoId, { runAfter: Date.now() + 60_000, lane: "interactive" });
    const { waiting, counts } = await overview();
    expect(waiting).toMatchObject({ jobs: 7, lanes: { interactive: 1, normal: 5, background: 1 }, others: 0 });
    expect(counts.queued).toBe(7);
    expect(waiting.groups.map(({ cause, jobs, owner, repo }) => [cause, jobs, owner, repo?.name ?? null])).toEqual([
      ["worker", 3, "you", "ship"],
      ["repository", 2, "repository", "narrow"],
      ["time", 1, "clock", null],
      ["jobs", 1, "job", null],
    ]);
    const [worker, repository] = waiting.groups;
    expect(worker?.first.id).toBe(first);
    expect(repository?.first.id).toBe(behind[0]);
    const said = await server.client("viewer").call("explainJob", { params: { job: first } });
    expect(worker).toMatchObject({ reason: said.reason, unblock: said.unblock, deadline: said.deadline });
  });

  test("tells what needs a person, what landed and what failed today by code, and the trains", async () => {
    const fail = async (code: "GATES_FAILED" | "SETUP_FAILED" | "BACKEND_AUTH"): Promise<string> => {
      const id = await submit(store(), repoId, { maxAttempts: 1 });
      const lease = await take(store());
      await store().finish(lease.jobId, lease.fence, failed(code));
      return id;
    };
    for (const code of ["GATES_FAILED", "SETUP_FAILED", "GATES_FAILED"] as const) await fail(code);
    const blocked = await fail("BACKEND_AUTH");
    const { jobId } = await completedJob(store(), repoId);
    const { counts, failures, trains, ...rest } = await overview();
    expect(counts).toMatchObject({ failed: 3, blocked: 1, integrating: 1 });
    expect(failures).toEqual([
      { code: "GATES_FAILED", jobs: 2, newest: 3 },
      { code: "SETUP_FAILED", jobs: 1, newest: 2 },
    ]);
    expect(rest.blocked).toMatchObject([{ id: blocked, code: "BACKEND_AUTH", unblock: expect.stringContaining("slipway retry 4") }]);
    expect(trains).toMatchObject([{ repo: { name: "ship" }, frozen: null, cars: [{ jobId, state: "pending", place: 1 }] }]);
    await server.client("admin").call("freezeTrain", { params: { repo: "ship" }, body: { target: trains[0]?.target ?? "", reason: "a release" } });
    expect((await overview()).trains).toMatchObject([{ frozen: { reason: "a release" }, cars: [{ jobId }] }]);
  });

  test("costs what is active and of today, and not what there was: 10,000 final jobs make it hardly slower", { timeout: 120_000 }, async () => {
    const few = await milliseconds();
    for (let batch = 0; batch < 20; batch += 1) {
      const made = await Promise.all(Array.from({ length: 500 }, () => store().submitJob(newJob(repoId))));
      await Promise.all(made.map(({ job }) => store().cancelJob(job.id, "enough")));
    }
    expect((await overview()).counts.cancelled).toBe(10_000);
    // Those of today are counted in their index; the bound leaves room for a machine that others use too.
    const many = await milliseconds();
    const page = await milliseconds(5, () => server.client("viewer").call("listJobs", { query: { limit: 200 } }));
    expect(many).toBeLessThan(Math.max(few, page) * 4 + 25);
  });
});

/** The quickest of some calls, over HTTP. */
async function milliseconds(
  times = 5,
  call: () => Promise<unknown> = () => new Client({ url: server.url, token: server.tokens.viewer }).call("overview", {}),
): Promise<number> {
  const taken: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const start = performance.now();
    await call();
    taken.push(performance.now() - start);
  }
  return Math.min(...taken);
}

test("a waiting job is explained within a bound, however many wait", { timeout: 60_000 }, async () => {
  for (let batch = 0; batch < 20; batch += 1)
    await Promise.all(Array.from({ length: 500 }, (_, at) => store().submitJob(newJob(repoId, { backend: `b${at % 15}` }))));
  const { waiting } = await overview();
  expect(waiting).toMatchObject({ jobs: 10_000, lanes: { normal: 10_000 } });
  expect(waiting.groups).toHaveLength(12);
  expect(waiting.others).toBe(10_000 - waiting.groups.reduce((sum, { jobs }) => sum + jobs, 0));
  const page = await milliseconds(5, () => server.client("viewer").call("listJobs", { query: { limit: 200 } }));
  const all = await milliseconds();
  // Twelve explanations and one pass over what is queued; the bound leaves room for a machine that others use too.
  expect(all).toBeLessThan(page * 12 + 100);
});
