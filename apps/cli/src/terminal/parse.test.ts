import { expect, test } from "vitest";
import { parseDollars, parseSettings, parseTokens } from "./parse.ts";

test.each([
  ["50000", 50_000],
  ["50_000", 50_000],
  ["200k", 200_000],
  ["1.5m", 1_500_000],
  ["2M", 2_000_000],
])("%s tokens", (text, count) => expect(parseTokens(text)).toBe(count));

test.each(["", "0", "-1", "many", "1g", "0.0001", "1e3", "9999999999m"])("%j is no number of tokens", (text) => {
  expect(() => parseTokens(text)).toThrow("number of tokens");
});

test.each([
  ["2.50", 2.5],
  ["$2.50", 2.5],
  ["3", 3],
  ["0.05", 0.05],
])("%s US dollars", (text, usd) => expect(parseDollars(text)).toBe(usd));

test.each(["", "0", "-1", ".50", "$", "2,50", "1e3"])("%j is no sum: what a shell makes of an unquoted $2.50 above all", (text) => {
  expect(() => parseDollars(text)).toThrow("a shell takes $2 for a variable");
});

test("settings tell text from JSON, and where the text came from", async () => {
  const { values, texts } = await parseSettings(["effort=high", "turns=3", 'note="3"', `self=@${import.meta.filename}`]);
  expect(values).toMatchObject({ effort: "high", turns: 3, note: "3", self: expect.stringContaining("settings tell text") });
  expect(Array.from(texts, ([name, { source }]) => [name, source])).toEqual([
    ["effort", "--backend-config effort"],
    ["self", import.meta.filename],
  ]);
});
