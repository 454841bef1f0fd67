import { newId } from "@slipway/protocol/scalars";
import type { Store } from "@slipway/server/store/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addRepository, allEvents, claimRequest, failed, type OpenStore, sha256, submit } from "./fixtures.ts";
import { GATEWAY, newCall, settlement } from "./model-calls.ts";

const BUDGET = { tokens: 1_000, usd: 1, attemptTokens: 600, attemptUsd: 0.6 };

interface WalkCall {
  readonly callId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number;
}

/** What a random walk has in hand; what is over stays in it, so that late messages are tried as often as good ones. */
interface Walk {
  readonly store: Store;
  readonly jobId: string;
  readonly attempts: Array<{ fence: number; token: string }>;
  readonly calls: WalkCall[];
  /** Reserved ahead, and no call has begun on it. */
  aheads: Array<{ readonly token: string; readonly call: WalkCall }>;
  /** Calls that began on what was reserved ahead, and of which the server has not heard: the gateway has them on disk. */
  untold: WalkCall[];
  /** Of these, what the server gave up before it heard of them. */
  readonly givenUp: Set<string>;
  epoch: string;
}

interface Step {
  readonly verb: keyof typeof VERBS;
  readonly pick: number;
}

function pickFrom<T>(from: readonly T[], pick: number): T | undefined {
  return from.at(-1 - (pick % Math.max(1, Math.min(from.length, 4))));
}

const VERBS = {
  reserve: async ({ store, attempts, calls, epoch }: Walk, pick: number) => {
    const attempt = pickFrom(attempts, pick % 2);
    if (!attempt) return;
    const call = newCall(attempt.token, { ...amountsOf(pick), epoch });
    calls.push({ callId: call.callId, ...amountsOf(pick) });
    await store.reserveCall(call);
    // Its answer may have got lost.
    if (pick % 5 === 0) await store.reserveCall(call);
  },
  reserveWithNext: async ({ store, attempts, calls, aheads, epoch }: Walk, pick: number) => {
    const attempt = pickFrom(attempts, pick % 2);
    if (!attempt) return;
    const ahead = { callId: newId(), ...amountsOf(pick % 13) };
    const call = newCall(attempt.token, { ...amountsOf(pick % 7), epoch, ahead });
    calls.push({ callId: call.callId, ...amountsOf(pick % 7) });
    const answer = await store.reserveCall(call);
    if (answer.status === "reserved" && answer.aheadForMs !== null) aheads.push({ token: attempt.token, call: ahead });
  },
  /** A call begins on what was reserved ahead; the server hears of it now, later, or only by its settlement. */
  begin: async (walk: Walk, pick: number) => {
    const { store, calls, epoch } = walk;
    const taken = pickFrom(walk.aheads, pick);
    if (!taken) return;
    walk.aheads = walk.aheads.filter((each) => each !== taken);
    const { token, call } = taken;
    walk.untold.push(call);
    if (pick % 3 === 0) return;
    // Sometimes it takes less than what is reserved, and sometimes more: then it does not begin before the answer.
    const amounts = pick % 5 === 0 ? amountsOf(pick) : { ...call, outputTokens: Math.floor(call.outputTokens / 2) };
    const answer = await store.reserveCall(newCall(token, { ...amounts, callId: call.callId, epoch }));
    walk.untold = walk.untold.filter((each) => each !== call);
    if (answer.status === "reserved") calls.push({ ...amounts, callId: call.callId });
  },
  giveBack: async (walk: Walk, pick: number) => {
    const taken = pickFrom(walk.aheads, pick);
    if (!taken) return;
    walk.aheads = walk.aheads.filter((each) => each !== taken);
    await walk.store.settleCall(settlement(taken.call.callId, { outcome: "unused", usage: null }));
  },
  settle: async ({ store, calls }: Walk, pick: number) => {
    const call = pickFrom(calls, pick);
    if (!call) return;
    const share = (pick % 11) / 10;
    const part = (amount: number) => Math.floor(amount * share);
    const usage = { inputTokens: part(call.inputTokens), cachedInputTokens: 0, outputTokens: part(call.outputTokens), reasoningTokens: 0 };
    await store.settleCall(settlement(call.callId, { usage: pick % 4 === 0 ? null : { ...usage, costUsd: call.costUsd * share } }));
  },
  nextAttempt: async ({ store, jobId, attempts }: Walk) => {
    const last = attempts.at(-1);
    if (last) await store.finish(jobId, last.fence, failed("WORKER_STOPPED"));
    const token = sha256(newId());
    const claimed = await store.claim(claimRequest({ modelTokenSha256: token }));
    if (claimed) attempts.push({ fence: claimed.fence, token });
  },
  /** A gateway was killed, and comes anew: what had begun is settled first. */
  register: async (walk: Walk) => {
    walk.epoch = newId();
    walk.aheads = [];
    await settleUntold(walk);
    await walk.store.chargeEarlierEpochs(GATEWAY, walk.epoch);
  },
  chargeLost: async (walk: Walk) => {
    for (const { callId } of walk.untold) walk.givenUp.add(callId);
    await walk.store.chargeLostCalls(-1_000);
  },
} satisfies Record<string, (walk: Walk, pick: number) => Promise<unknown>>;

function amountsOf(size: number) {
  return { inputTokens: size, outputTokens: 2 * size, costUsd: size / 300 };
}

async function settleUntold(walk: Walk): Promise<void> {
  const untold = walk.untold.splice(0);
  for (const { callId } of untold) {
    const taken = walk.store.settleCall(settlement(callId, { outcome: "cut", status: null, usage: null }));
    // Its reservation may have been refused and freed, or an earlier epoch's.
    await taken.catch((error) => expect(error.code).toBe("NOT_FOUND"));
  }
}

/** What a step may be refused with; anything else is a mistake in the store. */
const REFUSALS = ["LEASE_LOST", "CONFLICT", "NOT_FOUND"];

const often = ["reserve", "settle", "reserveWithNext", "begin"] as const;
const verb = fc.oneof(fc.constantFrom(...often), fc.constantFrom(...often), fc.constantFrom(...(Object.keys(VERBS) as Step["verb"][])));
const rounds = fc.array(fc.array(fc.record({ verb, pick: fc.nat({ max: 120 }) }), { minLength: 1, maxLength: 4 }), { minLength: 20, maxLength: 50 });

export function modelCallProperties(open: OpenStore): void {
  test("no budget is ever overspent, and every call is charged once, however messages interleave", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (steps) => {
        const opened = await open();
        try {
          await walkThrough(opened.store, steps);
        } finally {
          await opened.close();
        }
      }),
      { numRuns: 15 },
    );
  });
}

async function walkThrough(store: Store, rounds: Step[][]): Promise<void> {
  const jobId = await submit(store, (await addRepository(store)).id, { budget: BUDGET });
  const walk: Walk = { store, jobId, attempts: [], calls: [], aheads: [], untold: [], givenUp: new Set(), epoch: newId() };
  await VERBS.nextAttempt(walk);
  for (const round of rounds) {
    const answers = await Promise.allSettled(round.map(({ verb, pick }) => VERBS[verb](walk, pick)));
    for (const answer of answers) if (answer.status === "rejected") expect(REFUSALS).toContain(answer.reason.code);
    await checkSums(walk);
  }
  // What is still open may turn out to cost all that was reserved for it.
  await VERBS.register(walk);
  await checkSums(walk);
}

async function checkSums({ store, jobId, attempts, givenUp }: Walk): Promise<void> {
  const charged = (await allEvents(store, jobId, 500)).flatMap((event) => (event.kind === "model-call" ? [{ fence: event.fence, ...event.data }] : []));
  expect(new Set(charged.map(({ callId }) => callId)).size).toBe(charged.length);
  const job = await store.getJob(jobId);
  // Of the budget alone: what the server gave up and its gateway told of much later is charged, and may be too much.
  const late = charged.filter(({ callId }) => givenUp.has(callId)).map(({ usage }) => usage);
  const lateTokens = late.reduce((sum, usage) => sum + tokensOf(usage), 0);
  const lateUsd = late.reduce((sum, { costUsd }) => sum + costUsd, 0);
  for (const { fence } of attempts) {
    const of = charged.filter((call) => call.fence === fence);
    const model = await store.attemptModel(jobId, fence);
    expect(model?.calls).toBe(of.length);
    expect(model?.usage.inputTokens).toBe(of.reduce((sum, { usage }) => sum + usage.inputTokens, 0));
    expect(tokensOf(model?.usage)).toBeLessThanOrEqual(BUDGET.attemptTokens + lateTokens);
    expect(model?.usage.costUsd).toBeLessThanOrEqual(BUDGET.attemptUsd + lateUsd + 1e-6);
  }
  expect(job?.usage.costUsd).toBeCloseTo(
    charged.reduce((sum, { usage }) => sum + usage.costUsd, 0),
    6,
  );
  expect(tokensOf(job?.usage)).toBe(charged.reduce((sum, { usage }) => sum + tokensOf(usage), 0));
  expect(tokensOf(job?.usage)).toBeLessThanOrEqual(BUDGET.tokens + lateTokens);
  expect(job?.usage.costUsd).toBeLessThanOrEqual(BUDGET.usd + lateUsd + 1e-6);
}

function tokensOf(usage: { inputTokens: number; outputTokens: number } | undefined): number {
  return (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0);
}
