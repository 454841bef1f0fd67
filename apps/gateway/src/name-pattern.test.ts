import { expect, test } from "vitest";
import { fitsPattern } from "./name-pattern.ts";

test.each([
  ["gpt-5", "*", true],
  ["", "*", true],
  ["gpt-5", "gpt-5", true],
  ["gpt-5.1", "gpt-5", false],
  ["gpt-5.1", "gpt-5*", true],
  ["gpt-5", "gpt-5*", true],
  ["my-gpt-5", "gpt-5*", false],
  ["a/b/c", "a*c", true],
  ["abab", "*ab*ab", true],
  ["ab", "ab*ab", false],
  ["aba", "ab*ba", false],
  ["a.c", "a*c", true],
  ["abc", "a.c", false],
  ["abcd", "a*b*d", true],
  ["adb", "a*b*d", false],
])("%j fits %j: %j", (name, pattern, fits) => {
  expect(fitsPattern(name, pattern)).toBe(fits);
});
