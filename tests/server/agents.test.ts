import { newId } from "@slipway/protocol/scalars";
import type { Outcome, WorkerAgent } from "@slipway/protocol/worker-api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failed } from "../conformance/store/fixtures.ts";
import { sampleManifest } from "../support/sample-job.ts";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
let repo: string;
let stop: AbortController;
beforeEach(async () => {
  server = await TestServer.start();
  repo = (await server.repository()).view.id;
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await server[Symbol.asyncDispose]();
});

/** A connected worker with these backends, each of which lets a job name its program as `command`; `anvil-acp` is an adapter of `anvil`'s agent. */
async function connected(name: string, backends = ["anvil", "bellows"], sandbox: "none" | "bwrap" = "none"): Promise<string> {
  const workerId = newId();
  const manifests = backends.map((backend) => ({
    ...sampleManifest(backend, false),
    programSetting: "command",
    release: { registry: "npm" as const, package: backend, version: "1.0.0" },
    ...(backend.endsWith("-acp") ? { adapterOf: backend.replace("-acp", "") } : {}),
  }));
  const capabilities = [...backends.map((backend) => `backend:${backend}`), `sandbox:${sandbox}`];
  await server.client("worker").call("registerWorker", {
    body: { workerId, name, slots: 4, verifySlots: 1, capabilities, backends: manifests, sandbox, version: "0" },
  });
  const opened = Promise.withResolvers<void>();
  void (async () => {
    for await (const _ of server.client("worker").signals(workerId, { signal: stop.signal, onOpen: opened.resolve }));
  })().catch(() => undefined);
  await opened.promise;
  await expect.poll(() => server.server.plane.signals.isConnected(workerId), { interval: 5 }).toBe(true);
  return workerId;
}

/** The worker says of these agents whether they are there. */
async function reports(worker: string, there: Record<string, boolean>): Promise<void> {
  const agents = Object.entries(there).map(
    ([backend, ok]): WorkerAgent => ({
      ...{ backend, ok, version: ok ? "1.0.0" : null },
      ...(ok ? { found: `${backend} 1.0.0`, remedy: null } : { found: `no ${backend} on PATH`, remedy: `slipway backends install ${backend}` }),
    }),
  );
  await server.client("worker").call("reportWorker", { params: { worker }, body: { images: [], warnings: [], brokenBackends: [], agents } });
}

const explain = (job: string) => server.client("viewer").call("explainJob", { params: { job } });
const jobOf = async (job: string) => (await server.client("viewer").call("getJob", { params: { job } })).job;

async function ends(worker: string, outcome: Outcome): Promise<string> {
  const claim = await server.claim(worker);
  if (!claim) throw new Error("there was nothing to claim");
  await server.client("worker").call("finish", { params: { job: claim.job.id, fence: claim.fence }, body: { outcome } });
  return claim.job.backend;
}

const ABSENT = "not installed on forge (no anvil on PATH): type `slipway backends install anvil`";

describe("auto", () => {
  test("passes over an agent that is on no worker, and says what to type", async () => {
    const forge = await connected("forge");
    await reports(forge, { anvil: false, bellows: true });
    const job = await server.submit(repo, { backend: "auto" });
    expect(job.backend).toBe("bellows");
    expect((await explain(job.id)).candidates).toMatchObject([
      { backend: "bellows", taken: true },
      { backend: "anvil", taken: false, reason: ABSENT },
    ]);
  });

  test("looks at the workers with the right sandbox alone", async () => {
    await reports(await connected("forge"), { anvil: false, bellows: true });
    const tent = await connected("tent", ["anvil", "bellows"], "bwrap");
    await reports(tent, { anvil: true, bellows: false });
    expect((await server.submit(repo, { backend: "auto", requires: ["sandbox:bwrap"] })).backend).toBe("anvil");
    expect((await server.submit(repo, { backend: "auto", requires: ["sandbox:none"] })).backend).toBe("bellows");
  });

  test("goes on with no agent that is not there: the failure stays", async () => {
    const forge = await connected("forge", ["anvil", "bellows", "chisel"]);
    await reports(forge, { anvil: true, bellows: false, chisel: true });
    const job = await server.submit(repo, { backend: "auto" });
    expect(job.routing?.route.map(({ backend }) => backend)).toEqual(["anvil", "chisel", "bellows"]);
    expect(await ends(forge, failed("BACKEND_AUTH"))).toBe("anvil");
    expect(await ends(forge, failed("BACKEND_QUOTA"))).toBe("chisel");
    expect(await jobOf(job.id)).toMatchObject({ state: "blocked", backend: "chisel", failure: { code: "BACKEND_QUOTA" } });
  });

  test("with no agent at all waits, and takes the first that comes", async () => {
    const forge = await connected("forge");
    await reports(forge, { anvil: false, bellows: false });
    const job = await server.submit(repo, { backend: "auto" });
    expect(job).toMatchObject({ state: "queued", backend: "anvil" });
    expect((await explain(job.id)).candidates[0]).toEqual({ backend: "anvil", taken: true, reason: `waits: ${ABSENT}` });
    await reports(forge, { anvil: false, bellows: true });
    expect(await jobOf(job.id)).toMatchObject({ backend: "bellows", routing: { cause: "absent" } });
    expect((await server.claim(forge))?.job.id).toBe(job.id);
  });

  test("takes an agent's own backend before an adapter, where nothing else tells them apart", async () => {
    const forge = await connected("forge", ["anvil-acp", "chisel"]);
    const { candidates } = await explain((await server.submit(repo, { backend: "auto" })).id);
    expect(candidates).toMatchObject([
      { backend: "chisel", taken: true },
      { backend: "anvil-acp", reason: "drives its agent through an adapter, for which there is a backend of its own" },
    ]);
    await reports(forge, { chisel: false });
    expect((await server.submit(repo, { backend: "auto" })).backend).toBe("anvil-acp");
  });
});

describe("a job that names its backend", () => {
  test("waits where the agent is not there, says what to type, and goes on when it is", async () => {
    const forge = await connected("forge");
    await reports(forge, { anvil: false, bellows: true });
    const job = await server.submit(repo, { backend: "anvil" });
    const waiting = server.claim(forge, { waitMs: 30_000 });
    expect(await explain(job.id)).toMatchObject({
      state: "queued",
      owner: "you",
      reason: "The agent of anvil is not installed on forge (no anvil on PATH).",
      unblock: expect.stringMatching(/^Type `slipway backends install anvil`: .* a backend whose agent is there: bellows\. If no worker/),
    });
    await reports(forge, { anvil: true, bellows: true });
    const claim = (await waiting) ?? (await server.claim(forge));
    expect(claim?.job.id).toBe(job.id);
  });

  test("takes its fallback, where that agent is there", async () => {
    await reports(await connected("forge"), { anvil: false, bellows: true });
    const job = await server.submit(repo, { backend: "anvil", fallbacks: ["bellows"] });
    expect(job.backend).toBe("bellows");
    expect((await explain(job.id)).candidates).toEqual([
      { backend: "anvil", taken: false, reason: ABSENT },
      { backend: "bellows", taken: true, reason: "the first fallback that can go on" },
    ]);
  });

  test("is nothing to a worker that lacks its agent, and wakes the other one at once", async () => {
    const [forge, anvils] = [await connected("forge"), await connected("anvils")];
    await reports(forge, { anvil: false });
    await reports(anvils, { anvil: true });
    const claims = [forge, anvils].map((worker) => server.claim(worker, { waitMs: 20_000 }));
    await expect.poll(() => server.server.plane.jobRoom.size, { interval: 5 }).toBe(2);
    const job = await server.submit(repo, { backend: "anvil" });
    expect((await claims[1])?.job.id).toBe(job.id);
    await server.submit(repo, { backend: "bellows" });
    expect((await claims[0])?.job.backend).toBe("bellows");
  });

  test("is taken all the same where it names a program of its own", async () => {
    const forge = await connected("forge");
    await reports(forge, { anvil: false });
    const waiting = server.claim(forge, { waitMs: 20_000 });
    await expect.poll(() => server.server.plane.jobRoom.size, { interval: 5 }).toBe(1);
    const job = await server.submit(repo, { backend: "anvil", backendConfig: { command: "/opt/anvil" } });
    expect((await waiting)?.job.id).toBe(job.id);
  });

  test("is taken by a worker that tells nothing of its agents, as one of an older build", async () => {
    const forge = await connected("forge");
    const body = { images: [], warnings: ["hm"], brokenBackends: [] };
    const { status } = await server.request("POST", `/v1/workers/${forge}/report`, { role: "worker", body });
    expect(status).toBe(200);
    const job = await server.submit(repo, { backend: "anvil" });
    expect((await server.claim(forge))?.job.id).toBe(job.id);
  });
});

test("the list of workers has what they told", async () => {
  await reports(await connected("forge"), { anvil: false, bellows: true });
  expect((await server.client("viewer").call("listWorkers", {})).workers).toMatchObject([
    {
      name: "forge",
      agents: [
        { backend: "anvil", ok: false, remedy: "slipway backends install anvil" },
        { backend: "bellows", ok: true, version: "1.0.0" },
      ],
    },
  ]);
});
