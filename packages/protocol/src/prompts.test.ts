import { expect, test } from "vitest";
import { parseRepositoryConfig } from "./parse-repository-config.ts";

test.each([
  ["prompts: {task: Do it.}\n", /1:17: prompts\.task: expected a text with \{\{task\}\} in it/],
  ['prompts:\n  task: "{{taks}}"\n', /2:9: prompts\.task: expected no place but \{\{task\}\}, found \{\{taks\}\}/],
  ['prompts: {repair: "{{failures}} of {{task}}"}\n', /1:19: prompts\.repair: expected no place but \{\{failures\}\}, found \{\{task\}\}/],
  ["prompts: {repairs: a}\n", /prompts\.repairs.*repair\?/],
])("%j is told with its place", (text, words) => {
  expect(() => parseRepositoryConfig(text)).toThrow(words);
});
