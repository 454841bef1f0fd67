import type { Usage } from "@slipway/protocol/events";
import type { SettleCall } from "@slipway/protocol/gateway-api";
import type { Failure } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { NewCall, Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import {
  addRepository,
  allEvents,
  claimRequest,
  completedJob,
  expireLease,
  failed,
  type Lease,
  newJob,
  type OpenedStore,
  rejection,
  sha256,
  submit,
  take,
  verifySpec,
} from "./fixtures.ts";

export const GATEWAY = newId();
const EPOCH = newId();
const NOTHING: Usage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };

/** Whatever attempt has ended ended longer ago than that. */
export const OVER_MS = -1_000;

export function newCall(tokenSha256: string, more: Partial<NewCall> = {}): NewCall {
  const amounts = { inputTokens: 60, outputTokens: 40, costUsd: 0.1 };
  return { callId: newId(), gatewayId: GATEWAY, epoch: EPOCH, tokenSha256, dayBudget: {}, provider: "openai", model: "gpt-5", ...amounts, ...more };
}

export function settlement(callId: string, more: Partial<SettleCall> = {}): SettleCall {
  const usage = { inputTokens: 50, cachedInputTokens: 20, outputTokens: 10, reasoningTokens: 5, costUsd: 0.05 };
  return { callId, gatewayId: GATEWAY, outcome: "ok", status: 200, usage, failure: null, durationMs: 12.5, firstByteMs: 3, ...more };
}

function failure(code: Failure["code"]): Failure {
  return { code, message: `it failed with ${code}`, details: { from: "test" } };
}

export interface Paid extends Lease {
  readonly token: string;
}

/** A claim that must succeed, with the digest of its model token. */
export async function takePaid(store: Store, more: Parameters<typeof take>[1] = {}): Promise<Paid> {
  const token = sha256(newId());
  return { ...(await take(store, { modelTokenSha256: token, ...more })), token };
}

async function reserve(store: Store, token: string, more: Partial<NewCall> = {}): Promise<string> {
  const call = newCall(token, more);
  expect(await store.reserveCall(call)).toMatchObject({ status: "reserved" });
  return call.callId;
}

/** Goes on when the database's clock has: what comes then is later than all that was before. */
async function nextMoment(store: Store, jobId: string): Promise<void> {
  const notice = async () => (await store.addEvent(jobId, { kind: "notice", data: { level: "info", text: "tick" } })).at;
  for (const from = await notice(); (await notice()) === from; );
}

async function modelCalls(store: Store, jobId: string) {
  return (await allEvents(store, jobId)).filter((event) => event.kind === "model-call");
}

export function modelCallTests(current: () => OpenedStore): void {
  test("a call is reserved, then charged once: attempt, job and an event tell the same", async () => {
    const { store, reopen } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence, token } = await takePaid(store);
    const call = newCall(token);
    const reserved = { status: "reserved", jobId, number: 1, fence, aheadForMs: null, cassette: null };
    expect(await store.reserveCall(call)).toEqual(reserved);
    expect(await store.reserveCall(call)).toEqual(reserved);
    expect(await store.attemptModel(jobId, fence)).toEqual({ calls: 0, usage: NOTHING, failure: null, retryAfterMs: null });

    const settled = settlement(call.callId);
    expect(await store.settleCall(settled)).toEqual({ jobId, fence, workerId: "worker-1" });
    expect(await store.settleCall(settled)).toEqual({ jobId, fence, workerId: "worker-1" });
    await store.settleCall({ ...settled, outcome: "failed", usage: NOTHING, failure: failure("MODEL_TIMEOUT") });
    const again = await reopen();
    expect(await again.attemptModel(jobId, fence)).toEqual({ calls: 1, usage: settled.usage, failure: null, retryAfterMs: null });
    expect((await again.getJob(jobId))?.usage).toEqual(settled.usage);
    const { callId } = call;
    const data = { callId, provider: "openai", model: "gpt-5", outcome: "ok", status: 200, usage: settled.usage, estimated: false };
    expect(await modelCalls(again, jobId)).toMatchObject([{ fence, data: { ...data, durationMs: 12.5, firstByteMs: 3 } }]);
    expect(await again.attemptModel(jobId, fence + 1)).toBeUndefined();
  });

  test("only a live attempt's token reserves, and only the gateway that reserved settles", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    await submit(store, repoId);
    const first = await takePaid(store);
    const open = newCall(first.token);
    await store.reserveCall(open);
    await submit(store, repoId);
    const other = await takePaid(store);

    expect((await rejection(store.reserveCall(newCall(sha256("nobody's"))))).code).toBe("UNAUTHENTICATED");
    expect((await rejection(store.reserveCall({ ...open, tokenSha256: other.token }))).code).toBe("CONFLICT");
    expect((await rejection(store.reserveCall({ ...open, gatewayId: newId() }))).code).toBe("CONFLICT");
    expect((await rejection(store.settleCall(settlement(open.callId, { gatewayId: newId() })))).code).toBe("NOT_FOUND");
    expect((await rejection(store.settleCall(settlement(newId())))).code).toBe("NOT_FOUND");
    await store.settleCall(settlement(open.callId));
    expect((await rejection(store.reserveCall(open))).code).toBe("CONFLICT");

    await expireLease(store, first);
    expect((await rejection(store.reserveCall(newCall(first.token)))).code).toBe("LEASE_LOST");
    await store.reap();
    const second = await takePaid(store);
    expect(second.jobId).toBe(first.jobId);
    expect((await rejection(store.reserveCall(newCall(first.token)))).code).toBe("LEASE_LOST");
    await reserve(store, second.token);
  });

  test("a claim that is read again keeps the token of its first answer; a verify job's has none", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    await submit(store, repoId);
    const token = sha256("first");
    const request = claimRequest({ modelTokenSha256: token });
    await store.claim(request);
    await store.claim({ ...request, modelTokenSha256: sha256("second") });
    await reserve(store, token);
    expect((await rejection(store.reserveCall(newCall(sha256("second"))))).code).toBe("UNAUTHENTICATED");

    const { completionId, fence } = await completedJob(store, repoId);
    await store.requestVerification(completionId, fence, verifySpec(completionId, "a"), newJob(repoId, { kind: "verify" }));
    const verification = await takePaid(store, { kinds: ["verify"] });
    expect((await rejection(store.reserveCall(newCall(verification.token)))).code).toBe("UNAUTHENTICATED");
  });

  test("a call whose usage nobody told is charged what was reserved", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { token } = await takePaid(store);
    const priced = await reserve(store, token);
    const unpriced = await reserve(store, token, { costUsd: null });
    for (const callId of [priced, unpriced]) await store.settleCall(settlement(callId, { outcome: "cut", status: null, usage: null, firstByteMs: null }));
    expect((await store.getJob(jobId))?.usage).toEqual({ ...NOTHING, inputTokens: 120, outputTokens: 80, costUsd: 0.1 });
    expect((await modelCalls(store, jobId)).map((event) => event.kind === "model-call" && [event.data.estimated, event.data.usage.costUsd])).toEqual([
      [true, 0.1],
      [true, 0],
    ]);
  });

  test("a call waits while calls under way hold what it needs, and is refused for good where it can never fit", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId, { budget: { tokens: 250 } });
    const { fence, token } = await takePaid(store);
    const [first, second] = [await reserve(store, token), await reserve(store, token)];
    const third = newCall(token);
    const waiting = await store.reserveCall(third);
    const amounts = { scope: "job", unit: "tokens", limit: 250, spent: 0, reserved: 200, wanted: 100, waiting: true };
    expect(waiting).toMatchObject({
      status: "refused",
      jobId,
      fence,
      workerId: "worker-1",
      waiting: true,
      failure: { code: "BUDGET_EXCEEDED", details: amounts },
    });
    expect((await store.attemptModel(jobId, fence))?.failure).toBeNull();

    await store.settleCall(settlement(first));
    expect(await store.reserveCall(third)).toMatchObject({ status: "refused", failure: { details: { spent: 60, reserved: 100, waiting: true } } });
    await store.settleCall(settlement(second));
    expect(await store.reserveCall(third)).toMatchObject({ status: "reserved" });
    // 120 spent, 100 reserved: 130 more never fit, whatever comes back of the 100.
    const never = await store.reserveCall(newCall(token, { inputTokens: 100, outputTokens: 31 }));
    const refusal = {
      status: "refused",
      waiting: false,
      failure: { code: "BUDGET_EXCEEDED", details: { spent: 120, reserved: 100, wanted: 131, waiting: false } },
    };
    expect(never).toMatchObject(refusal);
    expect((await store.attemptModel(jobId, fence))?.failure).toMatchObject({
      code: "BUDGET_EXCEEDED",
      message:
        "The job's budget of 250 tokens has no room for the next call of gpt-5: 120 tokens are spent, 100 tokens are reserved for calls under way, and this " +
        "one may take 131 tokens (input up to 100 tokens, answer up to 31 tokens).",
      details: { hint: expect.stringContaining("maxOutputTokens") },
    });
    await reserve(store, token, { inputTokens: 20, outputTokens: 10 });
  });

  test("each limit counts on its own: an attempt's begins anew, the job's does not; sums of cents that fit exactly fit", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId, { budget: { usd: 0.3, attemptUsd: 0.2, attemptTokens: 250 } });
    const first = await takePaid(store);
    for (const costUsd of [0.1, 0.1]) {
      const callId = await reserve(store, first.token, { costUsd });
      await store.settleCall(settlement(callId, { usage: { ...NOTHING, inputTokens: 100, costUsd } }));
    }
    const more = (token: string, amounts: Partial<NewCall>) => store.reserveCall(newCall(token, amounts));
    const refused = (scope: string, unit: string) => ({ status: "refused", waiting: false, failure: { code: "BUDGET_EXCEEDED", details: { scope, unit } } });
    expect(await more(first.token, { costUsd: 0.1, inputTokens: 1, outputTokens: 1 })).toMatchObject(refused("attempt", "usd"));
    expect(await more(first.token, { costUsd: 0, inputTokens: 50, outputTokens: 1 })).toMatchObject(refused("attempt", "tokens"));
    expect(await more(first.token, { costUsd: 0.11, inputTokens: 50, outputTokens: 1 })).toMatchObject(refused("job", "usd"));
    await store.finish(jobId, first.fence, failed("RUNNER_LOST"));

    const second = await takePaid(store);
    expect((await store.getJob(jobId))?.budget).toEqual({ usd: 0.3, attemptUsd: 0.2, attemptTokens: 250 });
    // 0.1 + 0.1 + 0.1 is a little more than 0.3 in binary.
    await reserve(store, second.token, { costUsd: 0.1 });
    expect(await more(second.token, { costUsd: 0.000_001 })).toMatchObject({
      status: "refused",
      waiting: true,
      failure: { details: { scope: "job", unit: "usd" } },
    });
  });

  test("a budget in dollars lets no model through that has no price", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId, { budget: { attemptUsd: 1 } });
    const { fence, token } = await takePaid(store);
    const answer = await store.reserveCall(newCall(token, { costUsd: null }));
    const refusal = {
      code: "MODEL_NOT_ALLOWED",
      details: { model: "gpt-5", provider: "openai", setting: "prices.gpt-5", hint: expect.stringContaining("gateway.yaml") },
    };
    expect(answer).toMatchObject({ status: "refused", waiting: false, failure: refusal });
    expect((await store.attemptModel(jobId, fence))?.failure).toMatchObject(refusal);
  });

  test("a failure stays until a call that began after it goes well", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence, token } = await takePaid(store);
    const [failing, beside] = [await reserve(store, token), await reserve(store, token)];
    await nextMoment(store, jobId);
    const limited = failure("BACKEND_RATE_LIMITED");
    await store.settleCall(settlement(failing, { outcome: "failed", status: 429, usage: NOTHING, failure: limited, retryAfterMs: 9_000 }));
    const known = { failure: limited, retryAfterMs: 9_000 };
    expect(await store.attemptModel(jobId, fence)).toMatchObject({ calls: 1, usage: NOTHING, ...known });
    await store.settleCall(settlement(beside));
    expect(await store.attemptModel(jobId, fence)).toMatchObject({ calls: 2, ...known });
    await store.settleCall(settlement(await reserve(store, token), { outcome: "cut" }));
    expect(await store.attemptModel(jobId, fence)).toMatchObject({ calls: 3, ...known });
    await store.settleCall(settlement(await reserve(store, token)));
    expect(await store.attemptModel(jobId, fence)).toMatchObject({ calls: 4, failure: null, retryAfterMs: null });
    expect((await modelCalls(store, jobId))[0]).toMatchObject({ data: { outcome: "failed", status: 429, code: "BACKEND_RATE_LIMITED" } });
  });

  test("what is settled after the attempt is added all the same; the events of a final job stay closed", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence, token } = await takePaid(store);
    const [late, later] = [await reserve(store, token), await reserve(store, token)];
    await store.finish(jobId, fence, failed("RUNNER_LOST"));
    expect(await store.settleCall(settlement(late))).toEqual({ jobId, fence, workerId: null });
    expect(await modelCalls(store, jobId)).toMatchObject([{ fence, data: { callId: late } }]);
    const cancelled = (await store.cancelJob(jobId, "no")).job;
    await store.packFinalJobs(5);
    await store.settleCall(settlement(later));
    const job = await store.getJob(jobId);
    expect(job).toMatchObject({ lastSeq: cancelled.lastSeq, usage: { inputTokens: 100, outputTokens: 20, costUsd: 0.1 } });
    expect(await store.attemptModel(jobId, fence)).toMatchObject({ calls: 2, usage: job?.usage });
    expect(await modelCalls(store, jobId)).toHaveLength(1);
  });

  test("open calls of an earlier epoch are charged when their gateway comes anew, those of others are not", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { token } = await takePaid(store);
    const [settled, gone] = [await reserve(store, token), await reserve(store, token)];
    await reserve(store, token, { gatewayId: newId() });
    await store.settleCall(settlement(settled));
    expect(await store.chargeEarlierEpochs(GATEWAY, EPOCH)).toEqual([]);
    const epoch = newId();
    const now = await reserve(store, token, { epoch });
    expect(await store.chargeEarlierEpochs(GATEWAY, epoch)).toEqual([jobId]);
    expect(await store.chargeEarlierEpochs(GATEWAY, epoch)).toEqual([]);
    expect((await store.getJob(jobId))?.usage).toMatchObject({ inputTokens: 110, outputTokens: 50 });
    const cut = { callId: gone, outcome: "cut", status: null, estimated: true, usage: { inputTokens: 60 }, durationMs: expect.any(Number), firstByteMs: null };
    expect((await modelCalls(store, jobId)).at(-1)).toMatchObject({ data: cut });
    // Its own settlement comes too late, and takes nothing back.
    await store.settleCall(settlement(gone));
    expect(await modelCalls(store, jobId)).toHaveLength(2);
    await store.settleCall(settlement(now));
    expect(await modelCalls(store, jobId)).toHaveLength(3);
  });

  test("a call that nobody settles is charged a while after its attempt's end, and not before", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const [over, atWork] = [await submit(store, repoId), await submit(store, repoId)];
    const [first, second] = [await takePaid(store), await takePaid(store)];
    for (const { token } of [first, second]) await reserve(store, token);
    await store.finish(over, first.fence, failed("RUNNER_LOST"));
    expect(await store.chargeLostCalls(60_000)).toEqual([]);
    expect(await store.chargeLostCalls(OVER_MS)).toEqual([over]);
    expect(await store.chargeLostCalls(OVER_MS)).toEqual([]);
    expect((await store.getJob(over))?.usage).toMatchObject({ inputTokens: 60, outputTokens: 40 });
    expect((await store.getJob(atWork))?.usage).toEqual(NOTHING);
  });

  test("where the gateway counts, what the agent says of its usage is kept and not added", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const said = [{ ordinal: 1, at: 1, event: { kind: "usage" as const, data: { ...NOTHING, inputTokens: 7 } } }];
    const metered = await takePaid(store, { meteredBackends: ["other", "script"] });
    expect((await store.appendEvents(jobId, metered.fence, said)).stored).toMatchObject([{ kind: "usage" }]);
    expect((await store.getJob(jobId))?.usage).toEqual(NOTHING);
    await store.finish(jobId, metered.fence, failed("RUNNER_LOST"));
    const unmetered = await takePaid(store, { meteredBackends: ["other"] });
    await store.appendEvents(jobId, unmetered.fence, said);
    expect((await store.getJob(jobId))?.usage.inputTokens).toBe(7);
  });

  test("the calls of a job go with its events; what they took stays, that of an open one too", async () => {
    const { store } = current();
    const { id: repoId } = await addRepository(store);
    const jobId = await submit(store, repoId);
    const { fence, token } = await takePaid(store);
    const settled = await reserve(store, token);
    await store.settleCall(settlement(settled));
    const open = await reserve(store, token);
    await store.finish(jobId, fence, failed("NO_CHANGE"));
    expect(await store.dropJobData(jobId, OVER_MS)).toBe(true);
    expect((await store.getJob(jobId))?.usage).toMatchObject({ inputTokens: 110, outputTokens: 50 });
    expect(await store.attemptModel(jobId, fence)).toMatchObject({ calls: 2 });
    for (const callId of [settled, open]) expect((await rejection(store.settleCall(settlement(callId)))).code).toBe("NOT_FOUND");
    expect(await store.expiredJobs(OVER_MS, 5)).toEqual([]);
  });
}
