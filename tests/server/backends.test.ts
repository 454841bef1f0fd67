import { afterEach, beforeEach, expect, test } from "vitest";
import { addRepository, change, failed, newJob, take } from "../conformance/store/fixtures.ts";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start({ circuitLimits: { faults: 1, coolDownMs: 60_000, coolDownLimitMs: 60_000 } });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

test("backends are told with their workers, their use, and how the newest attempt ended; those without a worker too", async () => {
  const { store } = server.server.plane;
  const { id: repoId } = await addRepository(store);
  await server.worker(["backend:gone"]);
  const end = async (backend: string, outcome: Parameters<typeof store.finish>[2]) => {
    await store.submitJob(newJob(repoId, { backend, maxAttempts: 1 }));
    const lease = await take(store);
    await store.finish(lease.jobId, lease.fence, outcome);
  };
  await end("gone", change);
  await end("gone", failed("GATES_FAILED"));
  await end("another", failed("BACKEND_FAILED"));
  const { backends } = await server.client("viewer").call("listBackends", {});
  expect(backends).toMatchObject([
    {
      name: "another",
      summary: null,
      workers: [],
      recent: { good: 0, failed: 1 },
      last: { job: 3, code: "BACKEND_FAILED" },
      circuits: [{ code: "BACKEND_FAILED" }],
    },
    {
      name: "gone",
      running: 0,
      today: { jobs: 2, attempts: 2, tokens: 0, costUsd: 0 },
      recent: { good: 1, failed: 1 },
      last: { job: 2, code: "GATES_FAILED" },
      circuits: [],
    },
  ]);
});

test("what the server runs with is told to admins, with where it came from, and names of secrets alone", async () => {
  await server.restart({ retentionMs: 86_400_000, origins: [{ key: "server.retentionDays", from: "SLIPWAY_RETENTION_DAYS" }] });
  const config = await server.client("admin").call("showConfig", {});
  expect(config).toMatchObject({ data: server.data, url: server.url, secrets: [] });
  const from = (key: string) => config.values.find((value) => value.key === key);
  expect(from("server.retentionDays")).toEqual({ key: "server.retentionDays", value: 1, from: "SLIPWAY_RETENTION_DAYS" });
  expect(from("server.dayBudget.usd")).toEqual({ key: "server.dayBudget.usd", value: null, from: "default" });
  expect(from("jobs.maxAttempts")).toEqual({ key: "jobs.maxAttempts", value: 3, from: "default" });
});
