import { newId } from "@slipway/protocol/scalars";
import { type Claim, LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestServer } from "./server-harness.ts";

/** Lease time after a start, a clock jump or a resume: nobody could renew meanwhile, so a lease that is over by the database's time has its full time again. */

/** The wall clock of the server is set this much forward. */
let setForwardMs: number;
let server: TestServer;
beforeEach(async () => {
  setForwardMs = 0;
  server = await TestServer.start({ clocks: { wallMs: () => Date.now() + setForwardMs, monotonicMs: () => performance.now() } });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

interface Attempt {
  readonly workerId: string;
  readonly claimId: string;
  readonly claim: Claim;
  readonly params: { readonly job: string; readonly fence: number };
  /** Lets the lease end by the database's own clock. */
  readonly endLease: () => Promise<void>;
}

/** An attempt at work, with nobody who reaps it. */
async function attempt(repo?: string): Promise<Attempt> {
  await server.server.reaper.stop();
  const [workerId, claimId] = [await server.worker(), newId()];
  await server.submit(repo ?? (await server.repository()).view.id);
  const claim = await server.claim(workerId, { claimId });
  if (!claim) throw new Error("no claim");
  const params = { job: claim.job.id, fence: claim.fence };
  return { workerId, claimId, claim, params, endLease: () => server.server.plane.store.renew(params.job, params.fence, workerId, 0) };
}

interface Integration {
  readonly integratorId: string;
  readonly claimId: string;
  /** The job's commit, which is the merged one too. */
  readonly oid: string;
  readonly params: { readonly completion: string; readonly fence: number };
  readonly endLease: () => Promise<void>;
}

/** A completion that an integrator holds, with nobody who frees it. */
async function integration(): Promise<Integration> {
  const { view, source } = await server.repository();
  const { claim, params: job } = await attempt(view.id);
  const oid = await server.pushChange(source, claim, { "b.txt": "b\n" });
  const outcome = { kind: "change" as const, oid, diffStat: { files: 1, insertions: 1, deletions: 0 } };
  await server.client("worker").call("finish", { params: job, body: { outcome } });
  const [integratorId, claimId] = [newId(), newId()];
  const { claimed } = await server.client("integrator").call("claimCompletion", { body: { claimId, integratorId, waitMs: 5_000 } });
  if (!claimed) throw new Error("no completion");
  const params = { completion: claimed.completion.id, fence: claimed.fence };
  return { integratorId, claimId, oid, params, endLease: () => server.server.plane.store.renewCompletion(params.completion, params.fence, 0) };
}

/** Refused while the lease is over, taken when the clock has jumped: it is this write itself that notices, as nothing else runs. */
async function refusedUntilJump(endLease: () => Promise<void>, write: () => Promise<unknown>): Promise<void> {
  await endLease();
  await expect(write()).rejects.toMatchObject({ code: "LEASE_LOST" });
  jump();
  await write();
}

function jump(): void {
  setForwardMs += 3_600_000;
}

describe("a lease that ended while the server was away has its full time again after the start", () => {
  test("a worker's", async () => {
    const { params, endLease } = await attempt();
    await endLease();
    await server.restart();
    await server.server.reaper.runOnce();
    await server.client("worker").call("renew", { params, body: {} });
    const { job } = await server.client("viewer").call("getJob", { params });
    expect(job).toMatchObject({ state: "running", fence: params.fence, attempts: 1 });
  });

  test("an integrator's", async () => {
    const { params, endLease } = await integration();
    await endLease();
    await server.restart();
    await server.server.reaper.runOnce();
    expect(await server.client("integrator").call("renewCompletion", { params, body: {} })).toEqual({ ttlMs: LEASE_TTL_MS });
  });
});

describe("when the clock has jumped", () => {
  test("the reaper gives each lease its full time before it takes one", async () => {
    const { params, endLease } = await attempt();
    const state = async () => (await server.client("viewer").call("getJob", { params })).job.state;
    await endLease();
    jump();
    await server.server.reaper.runOnce();
    expect(await state()).toBe("running");
    // The jump is over: from here on a lease that ends has ended.
    await endLease();
    await server.server.reaper.runOnce();
    expect(await state()).toBe("queued");
  });

  test("an attempt renews, tells its events, stores an artifact, calls a model and finishes", async () => {
    const { claim, params, endLease } = await attempt();
    const worker = server.client("worker");
    await refusedUntilJump(endLease, () => worker.call("renew", { params, body: {} }));
    const event = { ordinal: 1, at: 1, event: { kind: "notice" as const, data: { level: "info" as const, text: "there" } } };
    await refusedUntilJump(endLease, () => worker.call("appendEvents", { params, body: { events: [event] } }));
    await refusedUntilJump(endLease, () => worker.putArtifact(params.job, params.fence, "gate.log", new TextEncoder().encode("ok")));
    const amounts = { inputTokens: 1, outputTokens: 1, costUsd: 0.01 };
    const call = { callId: newId(), gatewayId: newId(), epoch: newId(), token: claim.model?.token ?? "", provider: "openai", model: "gpt-5", ...amounts };
    await refusedUntilJump(endLease, () => server.client("gateway").call("reserveModelCall", { body: call }));
    const outcome = { kind: "failed" as const, failure: { code: "NO_CHANGE" as const, message: "nothing to do", details: {} } };
    await refusedUntilJump(endLease, () => worker.call("finish", { params, body: { outcome } }));
  });

  test("a claim whose answer was lost is read again", async () => {
    const { workerId, claimId, params, endLease } = await attempt();
    await endLease();
    jump();
    expect(await server.claim(workerId, { claimId })).toMatchObject({ job: { id: params.job }, fence: params.fence });
  });

  test("a claim of a completion whose answer was lost is read again, under its own fence", async () => {
    const { integratorId, claimId, params, endLease } = await integration();
    await endLease();
    jump();
    const { claimed } = await server.client("integrator").call("claimCompletion", { body: { claimId, integratorId, waitMs: 0 } });
    expect(claimed).toMatchObject({ completion: { id: params.completion }, fence: params.fence });
  });

  test("an integrator renews, asks for a verification and lands", async () => {
    const { oid, params, endLease } = await integration();
    const integrator = server.client("integrator");
    const body = { mergedOid: oid, expectedOld: null };
    await refusedUntilJump(endLease, () => integrator.call("renewCompletion", { params, body: {} }));
    await refusedUntilJump(endLease, () => integrator.call("verifyCompletion", { params, body }));
    await refusedUntilJump(endLease, () => integrator.call("landCompletion", { params, body }));
  });

  test("an integrator gives a completion up", async () => {
    const { params, endLease } = await integration();
    const body = { code: "MERGE_CONFLICT" as const, message: "no", details: {} };
    await refusedUntilJump(endLease, () => server.client("integrator").call("rejectCompletion", { params, body }));
  });
});
