import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CASSETTE_FILE, type CassetteCall } from "@slipway/protocol/cassette";
import { jobDefaultsSchema } from "@slipway/protocol/installation-config";
import { newId } from "@slipway/protocol/scalars";
import type { Claim, Outcome } from "@slipway/protocol/worker-api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { git } from "../support/repository.ts";
import { sampleRevision } from "../support/sample-revision.ts";
import { TestServer } from "./server-harness.ts";

const GATEWAY = newId();
const EPOCH = newId();

let server: TestServer;
let workerId: string;
beforeEach(async () => {
  server = await TestServer.start();
  workerId = await server.worker();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

async function claimed(): Promise<Claim> {
  const claim = await server.claim(workerId);
  if (!claim) throw new Error("no claim");
  return claim;
}

async function reserve({ model }: Claim, more: object = {}) {
  const callId = newId();
  const amounts = { inputTokens: 60, outputTokens: 40, costUsd: 0.1 };
  const body = { callId, gatewayId: GATEWAY, epoch: EPOCH, token: model?.token ?? "", provider: "openai", model: "m", ...amounts, ...more };
  return { callId, ...(await server.client("gateway").call("reserveModelCall", { body })) };
}

async function settle(callId: string): Promise<void> {
  const usage = { inputTokens: 50, cachedInputTokens: 0, outputTokens: 10, reasoningTokens: 0, costUsd: 0.05 };
  const body = { callId, gatewayId: GATEWAY, outcome: "ok" as const, status: 200, usage, failure: null, durationMs: 1, firstByteMs: 1 };
  await server.client("gateway").call("settleModelCall", { params: { call: callId }, body });
}

function recorded(callId: string, request = "{}"): CassetteCall {
  const answer = { status: 200, headers: {}, frames: ["data: é\n\n"], complete: true };
  const rest = { startedAt: 1, endedAt: 2, request, answer, outcome: "ok" as const, usage: null, failure: null };
  return { version: 1, callId, provider: "openai", model: "m", path: "/responses", ...rest };
}

const keep = async (call: CassetteCall) => await server.client("gateway").call("recordModelCall", { params: { call: call.callId }, body: call });
const detail = async (job: string) => await server.client("viewer").call("getJob", { params: { job } });
const replay = async (job: string, attempt?: number) =>
  await server.client("submitter").call("replayJob", { params: { job }, body: attempt === undefined ? {} : { attempt } });

async function fail({ job, fence }: Claim): Promise<void> {
  const outcome: Outcome = { kind: "failed", failure: { code: "NO_CHANGE", message: "m", details: {} } };
  await server.client("worker").call("finish", { params: { job: job.id, fence }, body: { outcome } });
}

test("a cassette grows by a call at a time, each of them once, over a restart and half a line, and after its attempt's end", async () => {
  const { view } = await server.repository();
  const { id } = await server.submit(view.id, { record: true });
  const claim = await claimed();
  const first = await reserve(claim);
  expect(first.cassette).toEqual({ mode: "record", calls: 0 });
  await settle(first.callId);
  await Promise.all([keep(recorded(first.callId)), keep(recorded(first.callId))]);
  const second = await reserve(claim);
  expect(second.cassette).toEqual({ mode: "record", calls: 1 });
  const file = join(server.data, "server/artifacts", id, "1", CASSETTE_FILE);
  await appendFile(file, '{"version":1,"cal');
  await server.restart();
  await settle(second.callId);
  await fail(claim);
  await keep(recorded(second.callId, '{"input":"two"}'));
  await keep(recorded(first.callId));
  const text = await readFile(file, "utf8");
  expect(text.split("\n").map((line) => (line === "" ? "" : JSON.parse(line).callId))).toEqual([first.callId, second.callId, ""]);
  const { artifacts } = await detail(id);
  expect(artifacts).toEqual([{ name: CASSETTE_FILE, fence: 1, bytes: Buffer.byteLength(text), sha256: expect.any(String), at: expect.any(Number) }]);
});

test("calls of jobs that are not recorded are not kept, nor calls that nobody made", async () => {
  const { view } = await server.repository();
  const { id } = await server.submit(view.id);
  const claim = await claimed();
  const { callId, cassette } = await reserve(claim);
  expect(cassette).toBeUndefined();
  await expect(keep(recorded(callId))).rejects.toMatchObject({ code: "CONFLICT" });
  await expect(keep(recorded(newId()))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(server.client("gateway").call("replayedCassette", { params: { call: callId } })).rejects.toMatchObject({ code: "CONFLICT" });
  await expect(replay(id)).rejects.toMatchObject({ code: "NOT_FOUND", hint: expect.stringContaining("slipway run --record") });
});

test("a replay is a job of its own that takes nothing of its budgets, and its gateway gets the cassette", async () => {
  const { view } = await server.repository();
  const { id } = await server.submit(view.id, { record: true, target: "main", budget: { tokens: 150, usd: 5 }, dedupeKey: "k" });
  const claim = await claimed();
  const { callId } = await reserve(claim);
  await settle(callId);
  await keep(recorded(callId));
  await expect(replay(id)).rejects.toMatchObject({ code: "CONFLICT", message: expect.stringContaining("at work") });
  await fail(claim);
  const spent = await server.client("viewer").call("daySpending", {});

  const { job } = await replay(id);
  const { target, ...same } = job;
  expect(target).toMatch(/^slipway\/replay-of-job-1/);
  expect(same).toMatchObject({ replay: { jobId: id, number: 1, fence: 1 }, record: false, retryOf: null, dedupeKey: null, baseOid: claim.job.baseOid });
  expect((await detail(job.id)).acts).toEqual([expect.objectContaining({ action: "replayJob", job: 1, madeJob: job.number })]);
  const playing = await claimed();
  expect(playing.job.id).toBe(job.id);
  const ahead = { callId: newId(), inputTokens: 1, outputTokens: 1, costUsd: 0 };
  const call = await reserve(playing, { inputTokens: 1_000_000, costUsd: null, ahead });
  expect(call).toMatchObject({ cassette: { mode: "replay", calls: 0 } });
  expect(call).not.toHaveProperty("aheadForMs");
  const { from, calls } = await server.client("gateway").call("replayedCassette", { params: { call: call.callId } });
  expect([from, calls]).toEqual([job.replay, [recorded(callId)]]);
  await settle(call.callId);
  expect((await detail(job.id)).job.usage).toMatchObject({ inputTokens: 50, outputTokens: 10, costUsd: 0 });
  expect(await server.client("viewer").call("daySpending", {})).toEqual(spent);
  expect((await reserve(playing)).cassette).toEqual({ mode: "replay", calls: 1 });
  await expect(replay(job.id)).rejects.toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("is a replay itself") });
  await expect(replay(id, 3)).rejects.toMatchObject({ code: "NOT_FOUND", details: { attempts: [1] } });
});

test("where the installation records every job, one that says nothing is recorded, and its replay is not", async () => {
  await server.restart({ jobDefaults: jobDefaultsSchema.parse({ record: true }) });
  const { view } = await server.repository();
  const { id } = await server.submit(view.id);
  const claim = await claimed();
  const call = await reserve(claim);
  expect(call.cassette).toEqual({ mode: "record", calls: 0 });
  await settle(call.callId);
  await keep(recorded(call.callId));
  await server.submit(view.id, { record: false });
  expect((await reserve(await claimed())).cassette).toBeUndefined();
  await server.client("submitter").call("cancelJob", { params: { job: id }, body: {} });
  const again = await replay(id);
  expect((await reserve(await claimed())).cassette).toMatchObject({ mode: "replay" });
  expect((await detail(again.job.id)).job.record).toBe(false);
});

test("of a job whose change went back to its agent the attempt that made the change is replayed, from the commit that it started on", async () => {
  const { view, source } = await server.repository();
  const { id, baseOid } = await server.submit(view.id, { record: true });
  const call = async (claim: Claim): Promise<void> => {
    const { callId } = await reserve(claim);
    await settle(callId);
    await keep(recorded(callId));
  };
  const first = await claimed();
  await call(first);
  const oid = await server.pushChange(source, first, { "a.txt": "b\n" });
  const outcome: Outcome = { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 1 } };
  await server.client("worker").call("finish", { params: { job: id, fence: 1 }, body: { outcome } });
  const completion = await server.client("integrator").call("claimCompletion", { body: { claimId: newId(), integratorId: newId(), waitMs: 5_000 } });
  await git(source.root, "commit", "--quiet", "--allow-empty", "--message", "Meanwhile");
  const targetOid = await source.head();
  const failure = { code: "MERGE_CONFLICT", message: "no", details: {} } as const;
  const revision = sampleRevision({ baseOid, targetOid, workOid: oid });
  await server.server.plane.store.rejectCompletion(completion.claimed?.completion.id ?? "", 1, failure, { revision, reason: "again" });
  const second = await claimed();
  expect(second.job).toMatchObject({ id, baseOid: targetOid, revision: { number: 1 } });
  await call(second);
  await fail(second);
  expect((await replay(id)).job).toMatchObject({ baseOid, replay: { fence: 1 }, revision: null });
  await expect(replay(id, 2)).rejects.toMatchObject({ code: "CONFLICT", details: { hint: "Replay the attempt that made the change: --attempt 1." } });
});
