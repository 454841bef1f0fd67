import type { EventFrame } from "@slipway/protocol/events";
import type { ReserveAhead } from "@slipway/protocol/gateway-api";
import type { Failure, SubmitJobInput } from "@slipway/protocol/job";
import { manifestSchema } from "@slipway/protocol/manifest";
import { newId } from "@slipway/protocol/scalars";
import { type Claim, LEASE_TTL_MS, type WorkerSignal } from "@slipway/protocol/worker-api";
import { Reaper } from "@slipway/server/reaper";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestServer } from "./server-harness.ts";

const GATEWAY = newId();
const EPOCH = newId();
const USAGE = { inputTokens: 50, cachedInputTokens: 20, outputTokens: 10, reasoningTokens: 5, costUsd: 0.05 };
const NOTHING = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

interface Attempt {
  readonly claim: Claim;
  readonly workerId: string;
  readonly token: string;
}

async function running(more: Partial<SubmitJobInput> = {}): Promise<Attempt> {
  const { view } = await server.repository();
  const workerId = await server.worker();
  await server.submit(view.id, more);
  const claim = await server.claim(workerId);
  if (!claim?.model) throw new Error("no claim with a model token");
  return { claim, workerId, token: claim.model.token };
}

interface Wish {
  readonly callId?: string;
  readonly inputTokens?: number;
  readonly costUsd?: number | null;
  readonly ahead?: ReserveAhead;
}

function reserve(token: string, wish: Wish = {}) {
  const amounts = { inputTokens: 60, outputTokens: 40, costUsd: 0.1 };
  const body = { callId: newId(), gatewayId: GATEWAY, epoch: EPOCH, token, provider: "openai", model: "gpt-5", ...amounts, ...wish };
  return server.client("gateway").call("reserveModelCall", { body });
}

async function settle(callId: string, failure: Failure | null = null): Promise<void> {
  const end = failure ? { outcome: "failed" as const, status: 401, usage: NOTHING, failure } : { outcome: "ok" as const, status: 200, usage: USAGE, failure };
  const body = { callId, gatewayId: GATEWAY, durationMs: 20, firstByteMs: 5, ...end };
  await server.client("gateway").call("settleModelCall", { params: { call: callId }, body });
}

/** A call that was reserved and ended so. */
async function modelCall(token: string, failure: Failure | null = null): Promise<void> {
  const callId = newId();
  await reserve(token, { callId });
  await settle(callId, failure);
}

function failure(code: Failure["code"]): Failure {
  return { code, message: `it failed with ${code}`, details: {} };
}

/** The signals of a worker, its connection being open. */
async function listen(workerId: string): Promise<AsyncGenerator<WorkerSignal>> {
  const opened = Promise.withResolvers<void>();
  const signals = server.client("worker").signals(workerId, { signal: AbortSignal.timeout(60_000), onOpen: opened.resolve });
  // The connection opens with the first request for a signal; the generator queues those that follow.
  const first = signals.next();
  await opened.promise;
  await expect.poll(() => server.server.plane.signals.isConnected(workerId), { interval: 5 }).toBe(true);
  return (async function* () {
    const { value } = await first;
    if (value) yield value;
    yield* signals;
  })();
}

const of = ({ claim }: Attempt) => ({ params: { job: claim.job.id, fence: claim.fence } });

test("a claim carries a token for the attempt's model calls, the same each time; what they took is seen at once", async () => {
  const { view } = await server.repository();
  const workerId = await server.worker();
  const { id } = await server.submit(view.id);
  const claimId = newId();
  const claim = await server.claim(workerId, { claimId });
  expect(claim?.model?.token).toMatch(/^slipmodel_[\w-]{43}$/);
  expect((await server.claim(workerId, { claimId }))?.model).toEqual(claim?.model);

  const frames = server.client("viewer").follow(id, { after: claim?.job.lastSeq ?? 0 });
  const next = frames.next();
  const callId = newId();
  const token = claim?.model?.token ?? "";
  expect(await reserve(token, { callId })).toEqual({ jobId: id, number: 1, fence: 1 });
  await settle(callId);
  const frame = (await next).value as EventFrame;
  const data = { callId, provider: "openai", model: "gpt-5", outcome: "ok", status: 200, usage: USAGE, estimated: false, durationMs: 20, firstByteMs: 5 };
  expect(frame).toMatchObject({ type: "event", event: { kind: "model-call", fence: 1, data } });
  await frames.return(undefined);
  expect((await server.client("viewer").call("getJob", { params: { job: id } })).job.usage).toEqual(USAGE);
  const model = await server.client("worker").call("attemptModel", { params: { job: id, fence: 1 } });
  expect(model).toEqual({ calls: 1, usage: USAGE, failure: null, retryAfterMs: null });
});

test("the next call is reserved ahead, for as long as the lease; it begins in the attempt's time only", async () => {
  const attempt = await running({ budget: { tokens: 1_000 } });
  const ahead = { callId: newId(), inputTokens: 60, outputTokens: 40, costUsd: 0.1 };
  const answer = await reserve(attempt.token, { ahead });
  expect(answer.aheadForMs).toBeGreaterThan(0);
  expect(answer.aheadForMs).toBeLessThanOrEqual(LEASE_TTL_MS);
  const next = { ...ahead, callId: newId() };
  expect(await reserve(attempt.token, { callId: ahead.callId, ahead: next })).toMatchObject({ aheadForMs: expect.any(Number) });
  await settle(ahead.callId);
  expect(await reserve(attempt.token, { ahead: { ...ahead, callId: newId(), inputTokens: 900 } })).not.toHaveProperty("aheadForMs");
  const unused = {
    callId: next.callId,
    gatewayId: GATEWAY,
    outcome: "unused" as const,
    status: null,
    usage: null,
    failure: null,
    durationMs: 0,
    firstByteMs: null,
  };
  await server.client("gateway").call("settleModelCall", { params: { call: next.callId }, body: unused });
  const last = { ...ahead, callId: newId() };
  expect(await reserve(attempt.token, { ahead: last })).toHaveProperty("aheadForMs");
  await server.client("submitter").call("cancelJob", { params: { job: attempt.claim.job.id }, body: {} });
  await expect(reserve(attempt.token, { callId: last.callId })).rejects.toMatchObject({ code: "LEASE_LOST" });
  expect(await server.client("worker").call("attemptModel", of(attempt))).toMatchObject({ calls: 1, usage: USAGE });
});

test("what a gateway may get wrong is told apart: the token, the call, the path", async () => {
  const attempt = await running();
  await expect(reserve("slipmodel_nobody")).rejects.toMatchObject({ code: "UNAUTHENTICATED", details: { field: "token" } });
  await expect(settle(newId())).rejects.toMatchObject({ code: "NOT_FOUND" });
  const body = { callId: newId(), gatewayId: GATEWAY, outcome: "ok" as const, status: 200, usage: null, failure: null, durationMs: 1, firstByteMs: null };
  const elsewhere = server.client("gateway").call("settleModelCall", { params: { call: newId() }, body });
  await expect(elsewhere).rejects.toMatchObject({ code: "INVALID_REQUEST", details: { field: "callId" } });
  await server.client("submitter").call("cancelJob", { params: { job: attempt.claim.job.id }, body: {} });
  await expect(reserve(attempt.token)).rejects.toMatchObject({ code: "LEASE_LOST" });
  const unknown = server.client("worker").call("attemptModel", { params: { job: attempt.claim.job.id, fence: 2 } });
  await expect(unknown).rejects.toMatchObject({ code: "NOT_FOUND" });
});

describe("a budget", () => {
  test("ends the attempt when a call can no longer fit: the worker is told at once, and not where it only has to wait", async () => {
    const attempt = await running({ budget: { tokens: 150 } });
    const signals = await listen(attempt.workerId);
    const first = newId();
    await reserve(attempt.token, { callId: first });
    await expect(reserve(attempt.token)).rejects.toMatchObject({ code: "BUDGET_EXCEEDED", details: { waiting: true, spent: 0, reserved: 100, wanted: 100 } });
    await settle(first);
    const refused = reserve(attempt.token);
    const details = { scope: "job", unit: "tokens", limit: 150, spent: 60, reserved: 0, wanted: 100, waiting: false };
    await expect(refused).rejects.toMatchObject({ code: "BUDGET_EXCEEDED", status: 422, hint: expect.stringContaining("prices.gpt-5"), details });
    const { id: jobId } = attempt.claim.job;
    expect((await signals.next()).value).toMatchObject({ type: "stop", jobId, fence: 1, failure: { code: "BUDGET_EXCEEDED", details } });
    expect(await server.client("worker").call("attemptModel", of(attempt))).toMatchObject({ calls: 1, failure: { code: "BUDGET_EXCEEDED" } });
    await signals.return(undefined);
  });

  test("in dollars needs the model's price", async () => {
    const attempt = await running({ budget: { usd: 5 } });
    const signals = await listen(attempt.workerId);
    await expect(reserve(attempt.token, { costUsd: null })).rejects.toMatchObject({ code: "MODEL_NOT_ALLOWED", details: { setting: "prices.gpt-5" } });
    expect((await signals.next()).value).toMatchObject({ type: "stop", failure: { code: "MODEL_NOT_ALLOWED" } });
    await signals.return(undefined);
  });

  test("is kept with the job, and by its retry; one that is no budget is refused", async () => {
    const { view } = await server.repository();
    const budget = { tokens: 1_000, attemptUsd: 0.5 };
    const { id: job } = await server.submit(view.id, { budget });
    expect((await server.client("submitter").call("cancelJob", { params: { job }, body: {} })).job.budget).toEqual(budget);
    expect((await server.client("submitter").call("retryJob", { params: { job }, body: {} })).job).toMatchObject({ retryOf: job, budget });
    expect((await server.submit(view.id)).budget).toEqual({});
    for (const wrong of [{ tokens: 0 }, { usd: -1 }, { dollars: 1 }]) {
      const body = { repo: view.id, task: "Do it", budget: wrong };
      expect(await server.request("POST", "/v1/jobs", { body })).toMatchObject({ status: 400, body: { error: { code: "INVALID_REQUEST" } } });
    }
  });
});

test("a failure that no other call can mend stops the attempt; one that passes does not", async () => {
  const attempt = await running();
  const signals = await listen(attempt.workerId);
  for (const code of ["BACKEND_RATE_LIMITED", "MODEL_REFUSED", "CONTEXT_TOO_LONG"] as const) await modelCall(attempt.token, failure(code));
  for (const code of ["BACKEND_AUTH", "BACKEND_QUOTA", "MODEL_NOT_ALLOWED"] as const) {
    await modelCall(attempt.token, failure(code));
    expect((await signals.next()).value).toEqual({ type: "stop", jobId: attempt.claim.job.id, fence: 1, failure: failure(code) });
  }
  // Nobody is told of an attempt that is over.
  const late = newId();
  await reserve(attempt.token, { callId: late });
  await server.client("submitter").call("cancelJob", { params: { job: attempt.claim.job.id }, body: {} });
  await settle(late, failure("BACKEND_AUTH"));
  await server.client("admin").call("drainWorker", { params: { worker: attempt.workerId }, body: {} });
  expect((await signals.next()).value).toMatchObject({ type: "revoked" });
  expect((await signals.next()).value).toEqual({ type: "drain" });
  await signals.return(undefined);
});

test("what an earlier process of a gateway left open is charged when it starts anew", async () => {
  const attempt = await running();
  await reserve(attempt.token);
  const register = (epoch: string) => server.client("gateway").call("registerGateway", { body: { gatewayId: GATEWAY, epoch, version: "0" } });
  expect(await register(EPOCH)).toEqual({ charged: 0 });
  expect(await register(newId())).toEqual({ charged: 1 });
  const { calls, usage } = await server.client("worker").call("attemptModel", of(attempt));
  expect({ calls, usage }).toEqual({ calls: 1, usage: { ...NOTHING, inputTokens: 60, outputTokens: 40, costUsd: 0.1 } });
});

test("the reaper charges what no gateway settles", async () => {
  const attempt = await running();
  await reserve(attempt.token);
  const { job } = (await server.client("submitter").call("cancelJob", { params: { job: attempt.claim.job.id }, body: {} })) ?? {};
  const usage = async () => (await server.client("viewer").call("getJob", { params: { job: job.id } })).job.usage;
  await server.server.reaper.runOnce();
  expect(await usage()).toEqual(NOTHING);
  await new Reaper(server.server.plane, 0).runOnce();
  expect(await usage()).toMatchObject({ inputTokens: 60, outputTokens: 40 });
});

test("where the worker's backend goes through the gateway, only the gateway counts", async () => {
  const capabilities = { resume: true, usage: true, plan: false, model: true };
  const rest = { manifestVersion: 1, version: "1", summary: "", configSchema: {}, secrets: [], image: {} };
  const manifest = manifestSchema.parse({ ...rest, name: "script", capabilities });
  const { view } = await server.repository();
  const workerId = newId();
  const common = { name: "w", slots: 2, verifySlots: 1, capabilities: ["backend:script"], sandbox: "none" as const, version: "0" };
  await server.client("worker").call("registerWorker", { body: { ...common, workerId, backends: [manifest] } });
  const { id: job } = await server.submit(view.id);
  const claim = await server.claim(workerId);
  const said = { ordinal: 1, at: Date.now(), event: { kind: "usage" as const, data: { ...NOTHING, inputTokens: 1_000_000 } } };
  await server.client("worker").call("appendEvents", { params: { job, fence: 1 }, body: { events: [said] } });
  await modelCall(claim?.model?.token ?? "");
  expect((await server.client("viewer").call("getJob", { params: { job } })).job.usage).toEqual(USAGE);
});
