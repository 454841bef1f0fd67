import { newId } from "@slipway/protocol/scalars";
import type { Outcome } from "@slipway/protocol/worker-api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failed } from "../conformance/store/fixtures.ts";
import { sampleManifest } from "../support/sample-job.ts";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
let repo: string;
let stop: AbortController;
let worker: string;
beforeEach(async () => {
  server = await TestServer.start({ circuitLimits: { faults: 2, coolDownMs: 3_600_000, coolDownLimitMs: 3_600_000 } });
  repo = (await server.repository()).view.id;
  stop = new AbortController();
  worker = await connected(["anvil", "bellows", "chisel"]);
});
afterEach(async () => {
  stop.abort();
  await server[Symbol.asyncDispose]();
});

/** A connected worker with these backends; `bellows` alone takes pictures, and `chisel` takes a setting. */
async function connected(backends: string[]): Promise<string> {
  const workerId = newId();
  const manifests = backends.map((name) => {
    const manifest = sampleManifest(name, false);
    const properties = name === "chisel" ? { edge: { type: "string" } } : {};
    return {
      ...manifest,
      capabilities: { ...manifest.capabilities, images: name === "bellows", mcp: name !== "chisel" },
      configSchema: { type: "object", properties, additionalProperties: false },
    };
  });
  const capabilities = [...backends.map((name) => `backend:${name}`), "sandbox:none"];
  const body = { workerId, name: "forge", slots: 4, verifySlots: 1, capabilities, backends: manifests, sandbox: "none" as const, version: "0" };
  await server.client("worker").call("registerWorker", { body });
  const opened = Promise.withResolvers<void>();
  void (async () => {
    for await (const _ of server.client("worker").signals(workerId, { signal: stop.signal, onOpen: opened.resolve }));
  })().catch(() => undefined);
  await opened.promise;
  await expect.poll(() => server.server.plane.signals.isConnected(workerId), { interval: 5 }).toBe(true);
  return workerId;
}

const explain = (job: string) => server.client("viewer").call("explainJob", { params: { job } });
const jobOf = async (job: string) => (await server.client("viewer").call("getJob", { params: { job } })).job;

/** Has the next job end so; the backend that it had. */
async function ends(outcome: Outcome): Promise<string> {
  const claim = await server.claim(worker);
  if (!claim) throw new Error("there was nothing to claim");
  await server.client("worker").call("finish", { params: { job: claim.job.id, fence: claim.fence }, body: { outcome } });
  return claim.job.backend;
}

async function opens(backend: string): Promise<void> {
  for (let count = 0; count < 2; count += 1) {
    await server.submit(repo, { backend });
    expect(await ends(failed("BACKEND_AUTH"))).toBe(backend);
  }
}

describe("auto", () => {
  test("takes what can do the job, and says why the others were not taken", async () => {
    const job = await server.submit(repo, { backend: "auto", needs: ["mcp"] });
    expect(job).toMatchObject({ backend: "anvil", requires: ["backend:anvil"], routing: { asked: "auto", needs: ["mcp"], at: 0 } });
    expect(job.routing?.route.map(({ backend, automatic }) => [backend, automatic])).toEqual([
      ["anvil", false],
      ["bellows", true],
    ]);
    expect((await explain(job.id)).candidates).toEqual([
      { backend: "anvil", taken: true, reason: "the best of 2 that can do it: no attempt within a day, a slot is free" },
      { backend: "bellows", taken: false, reason: "as good as anvil, which comes first by its name" },
      { backend: "chisel", taken: false, reason: "has no mcp" },
    ]);
    expect((await server.submit(repo, { backend: "auto", needs: ["images"] })).backend).toBe("bellows");
    expect((await server.submit(repo, { backend: "auto", backendConfig: { edge: "fine" } })).backend).toBe("chisel");
  });

  test("goes by what happened: a failure by its own fault puts a backend behind, and the next one takes the job over", async () => {
    await server.submit(repo, { backend: "anvil" });
    await ends(failed("BACKEND_FAILED"));
    const job = await server.submit(repo, { backend: "auto" });
    expect(job.backend).toBe("anvil");
    expect(await ends(failed("BACKEND_AUTH"))).toBe("anvil");
    expect(await jobOf(job.id)).toMatchObject({ state: "queued", backend: "bellows", routing: { cause: "failover" }, handover: { backend: "anvil" } });
    const next = await server.submit(repo, { backend: "auto" });
    expect(next.backend).toBe("bellows");
    expect(next.routing?.candidates.find(({ backend }) => backend === "anvil")?.reason).toMatch(
      /^it failed 2 times in a row \(BACKEND_AUTH\); nothing is tried before /,
    );
  });

  test("finds nothing where no backend fits, and says of each what it lacks", async () => {
    await expect(server.submit(repo, { backend: "auto", needs: ["images", "steer"] })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      details: { field: "needs", value: ["images", "steer"], hint: "anvil: has no images, steer; bellows: has no steer; chisel: has no images, steer." },
    });
  });
});

describe("what is asked for is checked at once", () => {
  test.each([
    [{ backend: "anvli" }, { code: "BACKEND_NOT_INSTALLED", details: { backend: "anvli", hint: expect.stringContaining("Did you mean anvil?") } }],
    [
      { backend: "anvil", fallbacks: ["chisle"] },
      { code: "BACKEND_NOT_INSTALLED", details: { field: "fallbacks.0", hint: expect.stringContaining("Did you mean chisel?") } },
    ],
    [
      { backend: "anvil", needs: ["images" as const] },
      { code: "INVALID_REQUEST", details: { field: "needs", backend: "anvil", missing: ["images"], able: ["bellows"] } },
    ],
    [
      { backend: "bellows", needs: ["images" as const], fallbacks: ["anvil"] },
      { code: "INVALID_REQUEST", message: "The fallback anvil: needs: the backend anvil has no images.", details: { field: "fallbacks.0" } },
    ],
    [
      { backend: "anvil", fallbacks: [{ backend: "chisel", config: { egde: "x" } }] },
      { code: "INVALID_REQUEST", details: { field: "fallbacks.0.config.egde", backend: "chisel" } },
    ],
    [
      { backend: "anvil", fallbacks: ["auto"] },
      { code: "INVALID_REQUEST", details: { field: "fallbacks.0", value: "auto" } },
    ],
  ])("%j", async (asked, error) => {
    await expect(server.submit(repo, asked)).rejects.toMatchObject(error);
  });

  test("a need that there is not", async () => {
    const { status, body } = await server.request("POST", "/v1/jobs", { body: { repo, task: "Do it", needs: ["image"] } });
    expect([status, body]).toMatchObject([400, { error: { code: "INVALID_REQUEST", details: { field: "needs.0", value: "image" } } }]);
  });
});

test("a repository's defaults hold where a job says nothing", async () => {
  const files = { ".slipway.yaml": "backend: anvil\nneeds: [mcp]\nfallbacks:\n  - bellows\n" };
  const { view } = await server.repository(files);
  expect(await server.submit(view.id)).toMatchObject({ backend: "anvil", routing: { needs: ["mcp"], route: [{ backend: "anvil" }, { backend: "bellows" }] } });
  expect((await server.submit(view.id, { backend: "chisel", needs: [], fallbacks: [] })).routing).toBeNull();
});

describe("an open circuit", () => {
  test("has jobs wait with a reason and a time, or take their fallback; a reset lets them go on", async () => {
    const waiting = await server.submit(repo, { backend: "anvil", priority: -1 });
    const moving = await server.submit(repo, { backend: "anvil", priority: -1, fallbacks: [{ backend: "chisel", config: { edge: "fine" } }] });
    await opens("anvil");
    expect(await jobOf(moving.id)).toMatchObject({ backend: "chisel", backendConfig: { edge: "fine" }, routing: { at: 1, cause: "circuit" }, handover: null });
    const { circuits } = await server.client("viewer").call("listCircuits", {});
    expect(circuits).toMatchObject([{ backend: "anvil", place: "the worker forge", state: "open", faults: 2, code: "BACKEND_AUTH" }]);
    const until = new Date(circuits[0]?.openUntil ?? 0).toISOString();
    expect(await explain(waiting.id)).toMatchObject({
      owner: "clock",
      reason: expect.stringContaining(`The backend anvil gets no jobs: it failed 2 times in a row (BACKEND_AUTH); nothing is tried before ${until}`),
      unblock: expect.stringContaining("slipway backends reset anvil"),
    });
    expect((await server.submit(repo, { backend: "anvil", fallbacks: ["bellows"] })).backend).toBe("bellows");
    expect((await server.claim(worker))?.job.backend).toBe("bellows");
    expect((await server.claim(worker))?.job.id).toBe(moving.id);
    expect(await server.claim(worker)).toBeNull();

    const claimed = server.claim(worker, { waitMs: 20_000 });
    const reset = { params: { backend: "anvil" }, body: {} };
    await expect(server.client("viewer").call("resetBackend", reset)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await server.client("submitter").call("resetBackend", reset)).toEqual({ closed: 1 });
    expect((await claimed)?.job.id).toBe(waiting.id);
  });

  test("outlives a restart of the server", async () => {
    await opens("anvil");
    const waiting = await server.submit(repo, { backend: "anvil" });
    stop.abort();
    await server.restart();
    stop = new AbortController();
    worker = await connected(["anvil", "bellows"]);
    // Another worker's machine is another place: the first one's is known by its id.
    expect((await server.client("viewer").call("listCircuits", {})).circuits).toHaveLength(1);
    expect((await server.claim(worker))?.job.id).toBe(waiting.id);
  });
});

test("a job that is over is tried again from the start of its route", async () => {
  const job = await server.submit(repo, { backend: "anvil", fallbacks: ["chisel"], maxAttempts: 1 });
  expect(await ends(failed("CONTEXT_TOO_LONG"))).toBe("anvil");
  expect(await ends(failed("NO_CHANGE"))).toBe("chisel");
  expect(await jobOf(job.id)).toMatchObject({ state: "failed", backend: "chisel" });
  const { job: again } = await server.client("submitter").call("retryJob", { params: { job: job.id }, body: {} });
  expect(again).toMatchObject({ backend: "anvil", requires: ["backend:anvil"], routing: { at: 0, cause: "submit" }, handover: null });
});
