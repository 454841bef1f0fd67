import { expect, test } from "vitest";
import { ZodError } from "zod";
import type { ModelRequest } from "./protocol.ts";
import { type ScenarioInput, scenarioOf } from "./scenario.ts";

const asked = (request: Partial<ModelRequest>): ModelRequest => ({
  model: "m",
  isStream: false,
  wantsUsage: true,
  tools: [],
  prompt: "",
  text: "",
  step: 0,
  toolResults: [],
  ...request,
});

const scenario = scenarioOf({
  turns: [
    { prompt: "repair", steps: [{ text: "repaired" }] },
    { anywhere: "AGENTS", steps: [{ text: "honoured" }] },
    { prompt: "task", steps: [{ text: "one" }, { text: "two" }] },
  ],
});

test.each([
  [{ prompt: "a repair" }, "repaired"],
  [{ prompt: "the task", text: "AGENTS.md says" }, "honoured"],
  [{ prompt: "the task" }, "one"],
  [{ prompt: "the task", step: 1 }, "two"],
  [{ prompt: "the task", step: 7 }, "two"],
  [{ prompt: "something else" }, undefined],
])("the first turn that fits answers %j with %s, and its last step all that come after", (request, text) => {
  expect(scenario(asked(request))?.text).toBe(text);
});

test.each([{ turns: [] }, { turns: [{ steps: [] }] }, { turns: [{ steps: [{ txt: "typo" }] }] }, { turns: [{ steps: [{ error: { status: 200 } }] }] }])(
  "the wrong scenario %j is refused",
  (data) => {
    expect(() => scenarioOf(data as ScenarioInput)).toThrow(ZodError);
  },
);
