import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type Candidate, chooseBackend } from "./choose.ts";

function candidate(backend: string, more: Partial<Candidate> = {}): Candidate {
  return { backend, unfit: null, away: null, ended: 0, faults: 0, freeSlots: 1, cost: null, running: 0, isAdapter: false, ...more };
}

const cost = (usd: number, tokens = 1_000) => ({ usd, tokens });

describe("the first of two is the one that", () => {
  it.each<[string, Partial<Candidate>, Partial<Candidate>, string]>([
    ["can begin now", { faults: 9, ended: 10, freeSlots: 0, running: 9 }, { away: "no connected worker has it" }, "no connected worker has it"],
    ["failed less by its own fault", { faults: 1, ended: 10, freeSlots: 0 }, { faults: 2, ended: 10 }, "2 of its last 10 attempts failed by its own fault"],
    ["fails less than every second time", { faults: 2, ended: 5, freeSlots: 0 }, { faults: 2, ended: 4 }, "2 of its last 4 attempts failed by its own fault"],
    ["has a slot free", { cost: null, running: 5 }, { freeSlots: 0, cost: cost(0.1) }, "no slot is free"],
    ["costs less", { cost: cost(0.5, 9_000), running: 5 }, { cost: cost(0.75, 1_000) }, "a job costs more: $0.75"],
    ["takes fewer tokens where a price is missing", { cost: cost(0.5, 1_000), running: 5 }, { cost: cost(0, 2_000) }, "a job costs more: 2000 tokens"],
    ["has a known cost", { cost: cost(9), running: 5 }, {}, "what a job costs is not known yet"],
    ["has fewer jobs running", { running: 1 }, { running: 2 }, "more of its jobs run now: 2"],
    ["is no adapter", {}, { isAdapter: true }, "drives its agent through an adapter, for which there is a backend of its own"],
    ["has the first name", {}, {}, "as good as a, which comes first by its name"],
  ])("%s", (_, first, second, reason) => {
    // By its name the winner would come second, but for the last rule.
    const [a, b] = reason.includes("by its name") ? ["a", "b"] : ["b", "a"];
    const { order, candidates } = chooseBackend([candidate(b, second), candidate(a, first)]);
    expect(order).toEqual([a, b]);
    expect(candidates).toMatchObject([
      { backend: a, taken: true },
      { backend: b, taken: false, reason },
    ]);
  });
});

test("what cannot do the job is not in the order, and told last with its reason", () => {
  const { order, candidates } = chooseBackend([candidate("a", { unfit: "has no images" }), candidate("b", { ended: 8, faults: 1, cost: cost(0.034) })]);
  expect(order).toEqual(["b"]);
  expect(candidates).toEqual([
    { backend: "b", taken: true, reason: "the only one that can do it: 1 of its last 8 attempts failed by its own fault, a slot is free, about $0.034 a job" },
    { backend: "a", taken: false, reason: "has no images" },
  ]);
  expect(chooseBackend([candidate("a", { unfit: "has no images" })])).toEqual({
    order: [],
    candidates: [{ backend: "a", taken: false, reason: "has no images" }],
  });
});

test("where none can begin now the best of them is waited for", () => {
  const { candidates } = chooseBackend([candidate("b", { away: "no connected worker has it" }), candidate("a", { away: "it failed 3 times in a row" })]);
  expect(candidates[0]).toEqual({ backend: "a", taken: true, reason: "waits: it failed 3 times in a row" });
});

const candidates = fc.uniqueArray(
  fc.record<Candidate>({
    backend: fc.string({ minLength: 1, maxLength: 3 }),
    unfit: fc.constantFrom(null, null, "has no mcp"),
    away: fc.constantFrom(null, null, "away"),
    ended: fc.nat(10),
    faults: fc.nat(10),
    freeSlots: fc.nat(2),
    cost: fc.option(fc.record({ usd: fc.constantFrom(0, 0.5, 1, 2), tokens: fc.constantFrom(10, 100, 1_000) })),
    running: fc.nat(3),
    isAdapter: fc.boolean(),
  }),
  { selector: ({ backend }) => backend, maxLength: 6 },
);

test("the order does not depend on the order of what is known, and names each backend once", () => {
  const shuffled = candidates.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
  fc.assert(
    fc.property(shuffled, ([all, other]) => {
      const choice = chooseBackend(all);
      expect(chooseBackend(other)).toEqual(choice);
      expect(choice.order).toHaveLength(all.filter(({ unfit }) => unfit === null).length);
      expect(choice.candidates.map(({ backend }) => backend).toSorted()).toEqual(all.map(({ backend }) => backend).toSorted());
      expect(choice.candidates.filter(({ taken }) => taken).map(({ backend }) => backend)).toEqual(choice.order.slice(0, 1));
    }),
  );
});
