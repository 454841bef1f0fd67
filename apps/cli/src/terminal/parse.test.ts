import { expect, test } from "vitest";
import { parseDollars, parseSettings, parseTime, parseTokens } from "./parse.ts";

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

test.each([
  ["2031-05-04T09:30Z", Date.UTC(2031, 4, 4, 9, 30)],
  ["2031-05-04 09:30:15+02:00", Date.UTC(2031, 4, 4, 7, 30, 15)],
  ["2031-05-04", new Date(2031, 4, 4).getTime()],
  ["2031-05-04T09:30", new Date(2031, 4, 4, 9, 30).getTime()],
])("%s as a time", (text, at) => expect(parseTime(text)).toBe(at));

test("a time from now", () => {
  const before = Date.now();
  expect(parseTime("2h") - 7_200_000).toBeGreaterThanOrEqual(before);
  expect(parseTime("2h") - 7_200_000).toBeLessThanOrEqual(Date.now());
});

test.each(["", "soon", "-1h", "2031-13-40", "2031-05-04T99:99", "2031/05/04"])("%j is no time", (text) =>
  expect(() => parseTime(text)).toThrow("Expected a time"),
);
