import { newId } from "@slipway/protocol/scalars";
import type { Claim, Outcome } from "@slipway/protocol/worker-api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sampleManifest } from "../support/sample-job.ts";
import { TestServer } from "./server-harness.ts";

const GATEWAY = newId();
const EPOCH = newId();
const DAY_MS = 86_400_000;

let server: TestServer;
let workerId: string;
beforeEach(async () => {
  server = await TestServer.start({ dayBudget: { tokens: 250, usd: 10 } });
  workerId = await server.worker();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

async function running(repo?: string): Promise<Claim> {
  await server.submit(repo ?? (await server.repository()).view.id);
  const claim = await server.claim(workerId);
  if (!claim?.model) throw new Error("no claim with a model token");
  return claim;
}

async function reserve({ model }: Claim, more: object = {}): Promise<string> {
  const callId = newId();
  const amounts = { inputTokens: 60, outputTokens: 40, costUsd: 0.1 };
  const body = { callId, gatewayId: GATEWAY, epoch: EPOCH, token: model?.token ?? "", provider: "openai", model: "gpt-5", ...amounts, ...more };
  await server.client("gateway").call("reserveModelCall", { body });
  return callId;
}

async function settle(callId: string, tokens = 100): Promise<void> {
  const usage = { inputTokens: tokens - 10, cachedInputTokens: 0, outputTokens: 10, reasoningTokens: 0, costUsd: 0.05 };
  const body = { callId, gatewayId: GATEWAY, outcome: "ok" as const, status: 200, usage, failure: null, durationMs: 1, firstByteMs: 1 };
  await server.client("gateway").call("settleModelCall", { params: { call: callId }, body });
}

const today = async () => await server.client("viewer").call("daySpending", {});

test("the day counts what all jobs took, and what their calls under way may take", async () => {
  const [one, other] = [await running(), await running()];
  const before = Date.now();
  const first = await reserve(one);
  await reserve(other);
  const now = await today();
  expect(now).toMatchObject({ day: new Date(before).toISOString().slice(0, 10), calls: 0, tokens: 0, reservedTokens: 200, budget: { tokens: 250, usd: 10 } });
  expect(now.resetsAt % DAY_MS).toBe(0);
  expect(now.resetsAt - before).toBeLessThanOrEqual(DAY_MS);
  const later = { code: "DAY_BUDGET_EXCEEDED", status: 429, details: { scope: "day", waiting: true, spent: 0, reserved: 200, wanted: 100 } };
  await expect(reserve(one)).rejects.toMatchObject(later);
  await settle(first, 30);
  expect(await today()).toMatchObject({ calls: 1, tokens: 30, usd: 0.05, reservedTokens: 100 });
  await reserve(one);
  // A restart, and the end of its jobs, change nothing of what is spent.
  await server.client("submitter").call("cancelJob", { params: { job: one.job.id }, body: {} });
  await server.restart();
  expect(await today()).toMatchObject({ calls: 1, tokens: 30 });
});

test("a day that is used up ends the attempt; the job goes on after midnight, and that it spent nothing costs it no attempt", async () => {
  await settle(await reserve(await running()), 200);
  const late = await running();
  const refused = await reserve(late).catch((error: unknown) => error);
  const details = { unit: "tokens", limit: 250, spent: 200, waiting: false, retryAfterMs: expect.any(Number) };
  expect(refused).toMatchObject({ code: "DAY_BUDGET_EXCEEDED", message: expect.stringContaining("200 tokens are spent today"), details });
  const params = { job: late.job.id, fence: late.fence };
  const { failure } = await server.client("worker").call("attemptModel", { params });
  expect(failure).toMatchObject({ code: "DAY_BUDGET_EXCEEDED", details });
  if (!failure) throw new Error("no failure");
  const { resetsAt } = await today();
  const outcome: Outcome = { kind: "failed", failure, retryAfterMs: Number(failure.details["retryAfterMs"]) };
  const { job } = await server.client("worker").call("finish", { params, body: { outcome } });
  expect(job).toMatchObject({ state: "queued", attempts: 0, runAfter: null });
  // As if it had waited until then.
  expect(job.dueAt).toBeGreaterThan(resetsAt + 86_000_000);
  const why = await server.client("viewer").call("explainJob", { params: { job: job.id } });
  expect(why).toMatchObject({
    state: "queued",
    owner: "clock",
    deadline: resetsAt,
    reason: "What all jobs together may spend in a day is used up: 200 tokens of 250 tokens are spent since 00:00 UTC, and its next call may take 100 tokens.",
    unblock: expect.stringMatching(/it goes on at \d{4}-.*T00:00:00.000Z\. Or raise `server\.dayBudget\.tokens` in slipway\.yaml/),
  });
  expect(await server.claim(workerId)).toBeNull();
  await server.restart({ dayBudget: { tokens: 300 } });
  expect((await server.claim(workerId))?.job.id).toBe(job.id);
});

test("jobs like one that the day had no room for are not claimed, until there is room; others are", async () => {
  const { id: repo } = (await server.repository()).view;
  await settle(await reserve(await running(repo)), 200);
  await expect(reserve(await running(repo))).rejects.toMatchObject({ code: "DAY_BUDGET_EXCEEDED" });
  const waiting = await server.submit(repo);
  expect(await server.claim(workerId)).toBeNull();
  expect(await server.client("viewer").call("explainJob", { params: { job: waiting.id } })).toMatchObject({ owner: "clock" });
  // Of another model, whose calls may take less.
  const small = await server.submit(repo, { backendConfig: { model: "small" } });
  expect((await server.claim(workerId))?.job.id).toBe(small.id);
  const other = await server.worker(["backend:other"]);
  const free = await server.submit(repo, { backend: "other" });
  expect((await server.claim(other))?.job.id).toBe(free.id);
  await server.restart({ dayBudget: {} });
  expect((await server.claim(workerId))?.job.id).toBe(waiting.id);
});

test("where all of the day is spent, no job is claimed whose model calls count; one that asks no model is", async () => {
  const metered = newId();
  const backends = [sampleManifest("codex", true), sampleManifest("script", false)];
  const capabilities = ["backend:codex", "backend:script", "sandbox:none"];
  const body = { workerId: metered, name: "metered", slots: 4, verifySlots: 1, capabilities, backends, sandbox: "none" as const, version: "0" };
  await server.client("worker").call("registerWorker", { body });
  const { id: repo } = (await server.repository()).view;
  // An answer that turns out longer than what was reserved is charged in full.
  await settle(await reserve(await running(repo)), 260);
  const waiting = await server.submit(repo, { backend: "codex", queueTimeoutMs: 1_000 });
  const scripted = await server.submit(repo, { backend: "script" });
  expect((await server.claim(metered))?.job.id).toBe(scripted.id);
  expect(await server.claim(metered)).toBeNull();
  expect(await server.client("viewer").call("explainJob", { params: { job: waiting.id } })).toMatchObject({
    owner: "you",
    reason: "What all jobs together may spend in a day is used up: 260 tokens of 250 tokens are spent since 00:00 UTC.",
    unblock: expect.stringContaining("QUEUE_TIMEOUT"),
  });
});

test("the new day wakes who waits for it", async () => {
  await settle(await reserve(await running()), 200);
  await expect(reserve(await running())).rejects.toMatchObject({ code: "DAY_BUDGET_EXCEEDED" });
  const { resetsAt } = await today();
  const { store } = server.server.plane;
  for (const job of (await server.client("viewer").call("listJobs", {})).jobs)
    await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
  const due = Date.now() + ((await store.nextDueMs()) ?? Number.NaN);
  expect(Math.abs(due - resetsAt)).toBeLessThan(5_000);
});

test("an attempt that spent something is counted", async () => {
  const claim = await running();
  await settle(await reserve(claim), 200);
  await expect(reserve(claim)).rejects.toMatchObject({ code: "DAY_BUDGET_EXCEEDED" });
  const outcome: Outcome = { kind: "failed", failure: { code: "DAY_BUDGET_EXCEEDED", message: "m", details: {} }, retryAfterMs: 1_000 };
  const { job } = await server.client("worker").call("finish", { params: { job: claim.job.id, fence: claim.fence }, body: { outcome } });
  expect(job).toMatchObject({ state: "queued", attempts: 1 });
});

test("what no day has room for is no matter of the day; dollars need a price", async () => {
  const claim = await running();
  await expect(reserve(claim, { outputTokens: 200 })).rejects.toMatchObject({
    code: "BUDGET_EXCEEDED",
    message: expect.stringContaining("no day has room for it"),
    details: { scope: "day", waiting: false, hint: expect.stringContaining("server.dayBudget") },
  });
  await expect(reserve(claim, { costUsd: null })).rejects.toMatchObject({ code: "MODEL_NOT_ALLOWED", details: { budget: "dayBudget.usd" } });
  await expect(reserve(claim, { costUsd: 11 })).rejects.toMatchObject({ code: "BUDGET_EXCEEDED", details: { unit: "usd" } });
});

test("nothing is reserved ahead that the day has no ample room for, and without a limit the day is counted all the same", async () => {
  const claim = await running();
  const ahead = { callId: newId(), inputTokens: 60, outputTokens: 40, costUsd: 0.1 };
  await reserve(claim, { ahead });
  expect(await today()).toMatchObject({ reservedTokens: 100 });
  await server.restart({ dayBudget: {} });
  await reserve(claim, { ahead, inputTokens: 1_000_000 });
  expect(await today()).toMatchObject({ reservedTokens: 1_000_240, budget: {} });
});

test("a repository has a day of its own: its jobs wait alone, say what to type, and go on when its budget is raised", async () => {
  const [{ view: small }, { view: other }] = [await server.repository(), await server.repository()];
  const set = async (dayBudget: { tokens?: number | null; usd?: number | null }) =>
    await server.client("admin").call("updateRepository", { params: { repo: small.id }, body: { dayBudget } });
  await set({ usd: 5 });
  expect(await set({ tokens: 120 })).toMatchObject({ dayBudget: { tokens: 120, usd: 5 }, spentToday: { calls: 0, tokens: 0 } });
  await settle(await reserve(await running(small.id)), 30);
  const late = await running(small.id);
  const refused = await reserve(late).catch((error: unknown) => error);
  expect(refused).toMatchObject({
    code: "DAY_BUDGET_EXCEEDED",
    message: expect.stringMatching(new RegExp(`^All jobs of the repository ${small.name} together may spend 120 tokens in a day: 30 tokens are spent today`)),
    details: { scope: "day", repository: small.name, hint: expect.stringContaining(`slipway repos set ${small.name} --day-budget-tokens N`) },
  });
  const waiting = await server.submit(small.id);
  expect(await server.claim(workerId)).toBeNull();
  expect(await server.client("viewer").call("explainJob", { params: { job: waiting.id } })).toMatchObject({
    owner: "clock",
    reason: expect.stringMatching(/^What all jobs of the repository repo-.* 30 tokens of 120 tokens are spent .* may take 100 tokens\.$/),
    unblock: expect.stringContaining(`\`slipway repos set ${small.name} --day-budget-tokens N\`; it goes on then.`),
  });
  const free = await server.submit(other.id);
  expect((await server.claim(workerId))?.job.id).toBe(free.id);
  const claimed = server.claim(workerId, { waitMs: 20_000 });
  await expect.poll(() => server.server.plane.jobRoom.size, { interval: 5 }).toBe(1);
  expect(await set({ tokens: null })).toMatchObject({ dayBudget: { usd: 5 }, spentToday: { calls: 1, tokens: 30, usd: 0.05 } });
  expect((await claimed)?.job.id).toBe(waiting.id);
  await reserve(late);
});

test("a call waits for others of its repository, and none fits that no day of it has room for", async () => {
  const { view } = await server.repository();
  await server.client("admin").call("updateRepository", { params: { repo: view.id }, body: { dayBudget: { tokens: 120 } } });
  const claim = await running(view.id);
  const first = await reserve(claim);
  await expect(reserve(claim)).rejects.toMatchObject({ code: "DAY_BUDGET_EXCEEDED", details: { waiting: true, reserved: 100, repository: view.name } });
  await settle(first, 10);
  await reserve(claim);
  await expect(reserve(claim, { outputTokens: 100 })).rejects.toMatchObject({ code: "BUDGET_EXCEEDED", details: { repository: view.name } });
  await expect(server.client("admin").call("updateRepository", { params: { repo: view.id }, body: { dayBudget: { tokens: 0 } } })).rejects.toMatchObject({
    code: "INVALID_REQUEST",
    details: { field: "dayBudget.tokens", value: 0 },
  });
});
