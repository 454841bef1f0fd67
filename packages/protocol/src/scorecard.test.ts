import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ScorecardFacts, scorecardFactsSchema, scorecardOf, scorecardSchema } from "./scorecard.ts";

const PERFECT: ScorecardFacts = scorecardFactsSchema.parse({
  ...{ state: "done", code: null, isAccepted: false, attempts: 1, turns: 1, failedTurns: 0, repairs: 0, toolCalls: 10, toolErrors: 0 },
  ...{ gates: 3, gatesAtFirst: 3, checks: 10, refusals: 0, warnings: 0, workMs: 10_000, history: { jobs: 8, medianMs: 12_000 }, usage: {}, isPartial: false },
});

const few = fc.nat({ max: 12 });
const factsArbitrary: fc.Arbitrary<ScorecardFacts> = fc
  .record({
    state: fc.constantFrom("done" as const, "failed" as const, "cancelled" as const),
    isAccepted: fc.boolean(),
    attempts: few,
    turns: fc.integer({ min: 1, max: 12 }),
    failedTurns: few,
    repairs: few,
    toolCalls: fc.nat({ max: 500 }),
    toolErrors: few,
    gates: few,
    red: few,
    checks: few,
    refusals: few,
    warnings: few,
    workMs: fc.option(fc.nat({ max: 10_000_000 })),
    history: fc.record({ jobs: few, medianMs: fc.option(fc.nat({ max: 10_000_000 })) }),
  })
  .map(({ red, ...facts }) => ({ ...PERFECT, ...facts, gatesAtFirst: Math.max(0, facts.gates - red) }));

/** Each makes one fact worse and leaves what is counted as it is. */
const WORSE: Readonly<Record<string, (facts: ScorecardFacts, by: number) => ScorecardFacts>> = {
  "more failed turns": (facts, by) => ({ ...facts, failedTurns: facts.failedTurns + by }),
  "more repairs": (facts, by) => ({ ...facts, repairs: facts.repairs + by }),
  "more tool errors": (facts, by) => ({ ...facts, toolErrors: facts.toolErrors + by }),
  "fewer gates at first": (facts, by) => ({ ...facts, gatesAtFirst: Math.max(0, facts.gatesAtFirst - by) }),
  "more refusals": (facts, by) => ({ ...facts, refusals: facts.refusals + by }),
  "more warnings": (facts, by) => ({ ...facts, warnings: facts.warnings + by }),
  "more time": (facts, by) => ({ ...facts, workMs: facts.workMs === null ? null : facts.workMs + by * 1_000 }),
  "a quicker history": (facts, by) => {
    const { jobs, medianMs } = facts.history;
    return { ...facts, history: { jobs, medianMs: medianMs === null ? null : Math.max(0, medianMs - by * 1_000) } };
  },
  "a person's word": (facts) => ({ ...facts, isAccepted: true }),
  "a failure": (facts) => ({ ...facts, state: "failed", code: "GATES_FAILED" }),
};

describe("scorecardOf", () => {
  it("gives 100 to a job that landed at once and in time, and 0 to one that failed with all that can go wrong", () => {
    expect(scorecardOf(PERFECT).score).toBe(100);
    const worst = { ...PERFECT, state: "failed" as const, code: "GATES_FAILED", failedTurns: 2, repairs: 2, gatesAtFirst: 0, refusals: 5, workMs: 10_000_000 };
    expect(scorecardOf(worst).score).toBe(0);
  });

  it("counts half of the completion for a person's word, and nothing while the job is at work", () => {
    expect(scorecardOf({ ...PERFECT, isAccepted: true }).score).toBe(80);
    expect(scorecardOf({ ...PERFECT, state: "running" }).score).toBeNull();
  });

  it("does not miss the points of what there is nothing to count of, and says so", () => {
    const bare = { ...PERFECT, gates: 0, gatesAtFirst: 0, checks: 0, history: { jobs: 2, medianMs: null } };
    const { score, parts } = scorecardOf(bare);
    expect(score).toBe(100);
    expect(parts.filter(({ share }) => share === null).map(({ name, how }) => [name, how])).toEqual([
      ["gates", "no gate has run"],
      ["checks", "no check has run"],
      ["latency", "no history: 2 jobs of this repository and backend are done, and it takes 3"],
    ]);
  });

  it("is always a whole number from 0 to 100, of parts that are shares", () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        expect(scorecardSchema.parse(scorecardOf(facts)).score).not.toBeNull();
      }),
    );
  });

  it.each(Object.entries(WORSE))("is never higher for %s", (_, worsen) => {
    fc.assert(
      fc.property(factsArbitrary, fc.integer({ min: 1, max: 20 }), (facts, by) => {
        expect(scorecardOf(worsen(facts, by)).score).toBeLessThanOrEqual(scorecardOf(facts).score ?? -1);
      }),
    );
  });
});
