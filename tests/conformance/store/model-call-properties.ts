import { newId } from "@slipway/protocol/scalars";
import type { Store } from "@slipway/server/store/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { addRepository, allEvents, claimRequest, failed, type OpenStore, sha256, submit } from "./fixtures.ts";
import { GATEWAY, newCall, settlement } from "./model-calls.ts";

const BUDGET = { tokens: 1_000, usd: 1, attemptTokens: 600, attemptUsd: 0.6 };

/** What a random walk has in hand; what is over stays in it, so that late messages are tried as often as good ones. */
interface Walk {
  readonly store: Store;
  readonly jobId: string;
  readonly attempts: Array<{ fence: number; token: string }>;
  readonly calls: Array<{ callId: string; inputTokens: number; outputTokens: number; costUsd: number }>;
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
    const amounts = { inputTokens: pick, outputTokens: 2 * pick, costUsd: pick / 300 };
    const call = newCall(attempt.token, { ...amounts, epoch });
    calls.push({ callId: call.callId, ...amounts });
    await store.reserveCall(call);
    // Its answer may have got lost.
    if (pick % 5 === 0) await store.reserveCall(call);
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
  register: async (walk: Walk) => {
    walk.epoch = newId();
    await walk.store.chargeEarlierEpochs(GATEWAY, walk.epoch);
  },
  chargeLost: ({ store }: Walk) => store.chargeLostCalls(-1_000),
} satisfies Record<string, (walk: Walk, pick: number) => Promise<unknown>>;

/** What a step may be refused with; anything else is a mistake in the store. */
const REFUSALS = ["LEASE_LOST", "CONFLICT", "NOT_FOUND"];

const often = ["reserve", "settle"] as const;
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
  const walk: Walk = { store, jobId, attempts: [], calls: [], epoch: newId() };
  await VERBS.nextAttempt(walk);
  for (const round of rounds) {
    const answers = await Promise.allSettled(round.map(({ verb, pick }) => VERBS[verb](walk, pick)));
    for (const answer of answers) if (answer.status === "rejected") expect(REFUSALS).toContain(answer.reason.code);
    await checkSums(walk);
  }
  // What is still open may turn out to cost all that was reserved for it.
  await store.chargeEarlierEpochs(GATEWAY, newId());
  await checkSums(walk);
}

async function checkSums({ store, jobId, attempts }: Walk): Promise<void> {
  const charged = (await allEvents(store, jobId, 500)).flatMap((event) => (event.kind === "model-call" ? [{ fence: event.fence, ...event.data }] : []));
  expect(new Set(charged.map(({ callId }) => callId)).size).toBe(charged.length);
  const job = await store.getJob(jobId);
  for (const { fence } of attempts) {
    const of = charged.filter((call) => call.fence === fence);
    const model = await store.attemptModel(jobId, fence);
    expect(model?.calls).toBe(of.length);
    expect(model?.usage.inputTokens).toBe(of.reduce((sum, { usage }) => sum + usage.inputTokens, 0));
    expect(tokensOf(model?.usage)).toBeLessThanOrEqual(BUDGET.attemptTokens);
    expect(model?.usage.costUsd).toBeLessThanOrEqual(BUDGET.attemptUsd + 1e-6);
  }
  expect(job?.usage.costUsd).toBeCloseTo(
    charged.reduce((sum, { usage }) => sum + usage.costUsd, 0),
    6,
  );
  expect(tokensOf(job?.usage)).toBe(charged.reduce((sum, { usage }) => sum + tokensOf(usage), 0));
  expect(tokensOf(job?.usage)).toBeLessThanOrEqual(BUDGET.tokens);
  expect(job?.usage.costUsd).toBeLessThanOrEqual(BUDGET.usd + 1e-6);
}

function tokensOf(usage: { inputTokens: number; outputTokens: number } | undefined): number {
  return (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0);
}
