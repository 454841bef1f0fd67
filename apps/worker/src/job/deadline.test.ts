import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Deadline, openDeadline } from "./deadline.ts";

const planArbitrary = fc.record({
  timeoutMs: fc.integer({ min: 1_000, max: 86_400_000 }),
  gateTimeoutsMs: fc.array(fc.integer({ min: 1, max: 86_400_000 }), { maxLength: 8 }),
});
/** How much of its share each step uses, from nothing to all. */
const usesArbitrary = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40, maxLength: 40 });

function world(plan: { timeoutMs: number; gateTimeoutsMs: number[] }): { deadline: Deadline; spend: (ms: number) => void } {
  let clock = 5_000;
  return { deadline: openDeadline(plan, 5_000, () => clock), spend: (ms) => (clock += ms) };
}

describe("openDeadline", () => {
  it("leaves time for gates and commit whatever setup, turns and repairs use of their shares", () => {
    fc.assert(
      fc.property(planArbitrary, usesArbitrary, fc.integer({ min: 0, max: 3 }), (plan, uses, repairs) => {
        const { deadline, spend } = world(plan);
        const use = (): number => uses.pop() ?? 0;
        spend(openDeadline({ ...plan, gateTimeoutsMs: [] }, 5_000, () => 5_000).prepareMs() * use());
        spend(deadline.setupMs(600_000) * use());
        expect(deadline.turnMs()).toBeGreaterThanOrEqual(Math.floor(plan.timeoutMs * 0.1) - 1);
        for (let turn = 0; turn <= repairs; turn += 1) {
          spend(deadline.turnMs() * use());
          for (const [index, timeoutMs] of plan.gateTimeoutsMs.entries()) {
            const share = deadline.gateMs(index);
            const sumMs = plan.gateTimeoutsMs.reduce((sum, ms) => sum + ms, 0);
            expect(share).toBeLessThanOrEqual(timeoutMs);
            expect(share).toBeGreaterThanOrEqual(
              Math.max(1, Math.floor(Math.min(timeoutMs, (Math.min(plan.timeoutMs * 0.3, sumMs) * timeoutMs) / sumMs)) - 10),
            );
            spend(turn === repairs ? share * use() : 0);
          }
        }
        expect(deadline.remainingMs()).toBeGreaterThanOrEqual(Math.min(plan.timeoutMs * 0.1, 60_000) - 10);
        expect(deadline.commitMs()).toBeGreaterThanOrEqual(Math.floor(Math.min(plan.timeoutMs * 0.1, 60_000)));
        expect(deadline.keepMs()).toBeGreaterThanOrEqual(Math.floor(Math.min(plan.timeoutMs * 0.1, 60_000)));
        expect(deadline.keepMs()).toBeLessThanOrEqual(Math.min(60_000, deadline.commitMs()));
      }),
    );
  });

  it("never gives out more than is left, but for the commit's reserve", () => {
    fc.assert(
      fc.property(planArbitrary, fc.integer({ min: 0, max: 200_000_000 }), (plan, spentMs) => {
        const { deadline, spend } = world(plan);
        spend(spentMs);
        const left = deadline.remainingMs();
        expect(deadline.turnMs()).toBeLessThanOrEqual(left);
        expect(deadline.prepareMs()).toBeLessThanOrEqual(Math.max(left, 1));
        expect(deadline.setupMs(600_000)).toBeLessThanOrEqual(Math.max(left, 1));
        for (const index of plan.gateTimeoutsMs.keys()) expect(deadline.gateMs(index)).toBeLessThanOrEqual(Math.max(left, 1));
        const criticMs = deadline.criticMs(300_000);
        expect(criticMs).toBeGreaterThanOrEqual(0);
        expect(criticMs).toBeLessThanOrEqual(300_000);
        if (criticMs > 0) expect(left - criticMs).toBeGreaterThanOrEqual(Math.min(plan.timeoutMs * 0.1, 60_000) - 1);
        expect(deadline.hasTimeForTurn()).toBe(deadline.turnMs() >= Math.min(plan.timeoutMs * 0.05, 10_000));
      }),
    );
  });

  it("counts from the start where the clock fell back", () => {
    expect(openDeadline({ timeoutMs: 10_000, gateTimeoutsMs: [] }, 9_000_000, () => 5).remainingMs()).toBe(10_000);
  });
});
