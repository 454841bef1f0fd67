import { expect, test } from "vitest";
import { parseRepositoryConfig } from "./parse-repository-config.ts";
import { DEFAULT_PROMPTS, fillPrompt, promptsSchema } from "./prompts.ts";

test("the defaults are sound, and a job without a template has its task word for word", () => {
  expect(promptsSchema.parse(DEFAULT_PROMPTS)).toEqual(DEFAULT_PROMPTS);
  const task = "Use {{failures}} and $& and {{task}}.";
  expect(fillPrompt({}, "task", task)).toBe(task);
  expect(fillPrompt({ task: "Before. {{ task }} After {{task}}." }, "task", task)).toBe(`Before. ${task} After ${task}.`);
});

test.each([
  ["prompts: {task: Do it.}\n", /1:17: prompts\.task: expected a text with \{\{task\}\} in it/],
  ['prompts:\n  task: "{{taks}}"\n', /2:9: prompts\.task: expected no place but \{\{task\}\}, found \{\{taks\}\}/],
  ['prompts: {repair: "{{failures}} of {{task}}"}\n', /1:19: prompts\.repair: expected no place but \{\{failures\}\}, found \{\{task\}\}/],
  ["prompts: {repairs: a}\n", /prompts\.repairs.*repair\?/],
])("%j is told with its place", (text, words) => {
  expect(() => parseRepositoryConfig(text)).toThrow(words);
});
