import type { ReserveAhead } from "@slipway/protocol/gateway-api";
import { newId } from "@slipway/protocol/scalars";
import type { NewCall, Store } from "@slipway/server/store/store";
import { expect, test } from "vitest";
import { addRepository, allEvents, expireLease, failed, type OpenedStore, rejection, sha256, submit } from "./fixtures.ts";
import { GATEWAY, newCall, OVER_MS, type Paid, settlement, takePaid } from "./model-calls.ts";

/** As much as a call of `newCall` takes. */
function wish(more: Partial<ReserveAhead> = {}): ReserveAhead {
  return { callId: newId(), inputTokens: 60, outputTokens: 40, costUsd: 0.1, ...more };
}

interface Begun extends Paid {
  readonly store: Store;
  /** What is reserved ahead. */
  readonly ahead: ReserveAhead;
}

/** An attempt with one call, settled with 50 + 10 tokens, and a reservation ahead. */
async function withAhead(store: Store, budget: object = {}, more: Partial<ReserveAhead> = {}): Promise<Begun> {
  await submit(store, (await addRepository(store)).id, { budget });
  const paid = await takePaid(store);
  const call = newCall(paid.token, { ahead: wish(more) });
  const answer = await store.reserveCall(call);
  expect(answer).toMatchObject({ status: "reserved", aheadForMs: expect.any(Number) });
  await store.settleCall(settlement(call.callId));
  if (!call.ahead) throw new Error("nothing was asked for");
  return { ...paid, store, ahead: call.ahead };
}

const on = (ahead: ReserveAhead, token: string, more: Partial<NewCall> = {}): NewCall => newCall(token, { callId: ahead.callId, ...more });
const modelCalls = async (store: Store, jobId: string) => (await allEvents(store, jobId)).filter(({ kind }) => kind === "model-call");

export function reservedAheadTests(current: () => OpenedStore): void {
  test("a reservation ahead is good as long as the lease, and is the call's own when that begins", async () => {
    const { store } = current();
    const jobId = await submit(store, (await addRepository(store)).id, { budget: { tokens: 500 } });
    const { fence, token } = await takePaid(store, { leaseTtlMs: 5_000 });
    const first = newCall(token, { ahead: wish() });
    const answer = await store.reserveCall(first);
    if (answer.status !== "reserved") throw new Error("refused");
    expect(answer.aheadForMs).toBeGreaterThan(0);
    expect(answer.aheadForMs).toBeLessThanOrEqual(5_000);
    // The same message once more.
    expect(await store.reserveCall(first)).toMatchObject({ status: "reserved", aheadForMs: expect.any(Number) });
    if (!first.ahead) throw new Error("nothing was asked for");

    const second = on(first.ahead, token, { provider: "other", model: "small", inputTokens: 10, outputTokens: 20, costUsd: 0.01 });
    for (const _ of [1, 2]) expect(await store.reserveCall(second)).toEqual({ status: "reserved", jobId, number: 1, fence, aheadForMs: null, cassette: null });
    // It takes what it asked for now, and not what was kept for it: 500 - 100 - 30.
    expect(await store.reserveCall(newCall(token, { inputTokens: 370, outputTokens: 0 }))).toMatchObject({ status: "reserved" });
    await store.settleCall(settlement(second.callId, { outcome: "cut", usage: null }));
    const usage = { inputTokens: 10, outputTokens: 20, costUsd: 0.01 };
    expect(await modelCalls(store, jobId)).toMatchObject([{ data: { callId: second.callId, provider: "other", model: "small", usage } }]);
    expect((await rejection(store.reserveCall(second))).code).toBe("CONFLICT");
  });

  test("it holds its part of the budget, and is had only where that is a quarter of what is left", async () => {
    const { store } = current();
    await submit(store, (await addRepository(store)).id, { budget: { tokens: 500, attemptUsd: 1 } });
    const { token } = await takePaid(store);
    const asked = async (more: Partial<ReserveAhead>) => await store.reserveCall(newCall(token, { inputTokens: 50, outputTokens: 50, ahead: wish(more) }));
    // 500 - 100: a hundred is a quarter of it. The next has 500 - 300 left, or 1 - 0.3 dollars.
    expect(await asked({})).toMatchObject({ aheadForMs: expect.any(Number) });
    expect(await asked({ inputTokens: 50, outputTokens: 1, costUsd: 0 })).toMatchObject({ status: "reserved", aheadForMs: null });
    expect(await asked({ inputTokens: 1, outputTokens: 1, costUsd: 0.2 })).toMatchObject({ status: "reserved", aheadForMs: null });
    expect(await asked({ inputTokens: 1, outputTokens: 1, costUsd: null })).toMatchObject({ status: "reserved", aheadForMs: null });
    expect(await asked({})).toMatchObject({ status: "refused", waiting: true, failure: { details: { reserved: 500 } } });
  });

  test("a call on it that fits is never refused; a larger one is judged anew, and frees it where it is refused", async () => {
    const { store, token, ahead, jobId } = await withAhead(current().store, { tokens: 560 });
    // The answer was longer than what was reserved for it: nothing is left now but what is reserved ahead.
    const long = newCall(token, { inputTokens: 0, outputTokens: 100 });
    await store.reserveCall(long);
    await store.settleCall(settlement(long.callId, { usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 460, reasoningTokens: 0, costUsd: 0 } }));
    expect(await store.reserveCall(newCall(token, { inputTokens: 1, outputTokens: 0 }))).toMatchObject({ status: "refused", waiting: true });
    expect(await store.reserveCall(on(ahead, token))).toMatchObject({ status: "reserved" });
    await store.settleCall(settlement(ahead.callId, { usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 } }));
    expect((await store.getJob(jobId))?.usage).toMatchObject({ outputTokens: 470 });
  });

  test("a larger call on it is judged without it; refused, it has given it back", async () => {
    const { store, token, ahead } = await withAhead(current().store, { tokens: 560 });
    const open = newCall(token, { inputTokens: 400, outputTokens: 0 });
    expect(await store.reserveCall(open)).toMatchObject({ status: "reserved" });
    expect(await store.reserveCall(newCall(token, { inputTokens: 1, outputTokens: 0 }))).toMatchObject({ status: "refused", waiting: true });
    expect(await store.reserveCall(on(ahead, token, { inputTokens: 61 }))).toMatchObject({ status: "refused", waiting: true });
    expect(await store.reserveCall(newCall(token))).toMatchObject({ status: "reserved" });
  });

  test("one that no call began on is charged nothing: given back, or when its gateway comes anew", async () => {
    const { store, token, ahead, jobId, fence } = await withAhead(current().store, { tokens: 560 });
    const all = newCall(token, { inputTokens: 500, outputTokens: 0 });
    expect(await store.reserveCall(all)).toMatchObject({ status: "refused", waiting: true, failure: { details: { spent: 60, reserved: 100 } } });
    for (const gatewayId of [newId(), GATEWAY]) {
      await store.settleCall(settlement(ahead.callId, { gatewayId, outcome: "unused", usage: null })).catch((error) => expect(error.code).toBe("NOT_FOUND"));
      expect(await store.reserveCall(all)).toMatchObject({ status: gatewayId === GATEWAY ? "reserved" : "refused" });
    }
    await store.settleCall(settlement(all.callId));
    await store.reserveCall(newCall(token, { inputTokens: 1, outputTokens: 1, ahead: wish({ inputTokens: 1, outputTokens: 1 }) }));
    expect(await store.chargeEarlierEpochs(GATEWAY, newId())).toEqual([jobId]);
    expect(await store.attemptModel(jobId, fence)).toMatchObject({ calls: 3 });
    expect(await modelCalls(store, jobId)).toHaveLength(3);
    expect(await store.reserveCall(newCall(token, { inputTokens: 438, outputTokens: 0 }))).toMatchObject({ status: "reserved" });
  });

  test("when its attempt is over no call begins on it, and one that had is charged", async () => {
    const { store, token, ahead, jobId, fence } = await withAhead(current().store);
    await expireLease(store, { jobId, fence });
    expect((await rejection(store.reserveCall(on(ahead, token)))).code).toBe("LEASE_LOST");
    await store.settleCall(settlement(ahead.callId, { outcome: "cut", usage: null }));
    expect((await store.getJob(jobId))?.usage).toMatchObject({ inputTokens: 110, outputTokens: 50 });
  });

  test("where its gateway stays away it is free a while after the attempt, and charged should the gateway know of a call", async () => {
    const { store, ahead, jobId, fence } = await withAhead(current().store, { tokens: 560 });
    await store.finish(jobId, fence, failed("RUNNER_LOST"));
    expect(await store.chargeLostCalls(OVER_MS)).toEqual([]);
    expect((await store.getJob(jobId))?.usage).toMatchObject({ inputTokens: 50, outputTokens: 10 });
    const next = await takePaid(store);
    expect(await store.reserveCall(newCall(next.token, { inputTokens: 400, outputTokens: 0 }))).toMatchObject({ status: "reserved" });
    for (const _ of [1, 2]) await store.settleCall(settlement(ahead.callId, { outcome: "cut", usage: null }));
    expect((await store.getJob(jobId))?.usage).toMatchObject({ inputTokens: 110, outputTokens: 50 });
    expect((await modelCalls(store, jobId)).at(-1)).toMatchObject({ fence, data: { callId: ahead.callId, outcome: "cut", estimated: true } });
  });

  test("only its own attempt and gateway have it; it goes with the job's events, uncharged", async () => {
    const { store, ahead, jobId, fence, token } = await withAhead(current().store);
    expect((await rejection(store.reserveCall(on(ahead, token, { gatewayId: newId() })))).code).toBe("CONFLICT");
    expect((await rejection(store.reserveCall(on(ahead, sha256("nobody's"))))).code).toBe("UNAUTHENTICATED");
    await submit(store, (await addRepository(store)).id);
    const other = await takePaid(store);
    expect((await rejection(store.reserveCall(on(ahead, other.token)))).code).toBe("CONFLICT");
    // An id that is another's is not had ahead.
    expect(await store.reserveCall(newCall(other.token, { ahead }))).toMatchObject({ status: "reserved", aheadForMs: null });
    await store.finish(jobId, fence, failed("NO_CHANGE"));
    expect(await store.dropJobData(jobId, OVER_MS)).toBe(true);
    expect((await store.getJob(jobId))?.usage).toMatchObject({ inputTokens: 50, outputTokens: 10 });
  });
}
