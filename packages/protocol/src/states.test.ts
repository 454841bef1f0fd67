import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stateDiagram } from "./state-diagram.ts";
import { FINAL_STATES, isFinal, JOB_STATES, type JobState, nextState, sourcesOf, TRANSITIONS } from "./states.ts";

test("the diagram in the docs is the table", async () => {
  const page = await readFile(new URL("../../../docs/job-states.md", import.meta.url), "utf8");
  expect(page).toContain(stateDiagram());
});

test("a verb leads from a state to one place only", () => {
  const keys = TRANSITIONS.map((transition) => `${transition.from} ${transition.on}`);
  expect(new Set(keys).size).toBe(keys.length);
});

test("nothing leaves a final state, and every other state can end", () => {
  for (const state of FINAL_STATES) expect(TRANSITIONS.filter((transition) => (transition.from as JobState) === state)).toEqual([]);
  for (const start of JOB_STATES) {
    const reached = new Set<JobState>([start]);
    for (const state of reached) for (const transition of TRANSITIONS) if (transition.from === state) reached.add(transition.to);
    expect([...reached].some(isFinal), start).toBe(true);
  }
});

test("every walk along the table stays in the table, and stops for good in a final state", () => {
  const verbs = [...new Set(TRANSITIONS.map((transition) => transition.on))];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...verbs), { maxLength: 40 }), (walk) => {
      let state: JobState = "queued";
      for (const verb of walk) {
        const next = nextState(state, verb);
        expect(next !== undefined).toBe(sourcesOf(verb).includes(state));
        if (isFinal(state)) expect(next).toBeUndefined();
        state = next ?? state;
      }
    }),
  );
});
