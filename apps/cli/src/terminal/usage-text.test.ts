import { expect, test } from "vitest";
import { addUsage, budgetText, dayText, dollars, NO_USAGE, spentText, tokens, usageText } from "./usage-text.ts";

const USAGE = { inputTokens: 45_100, cachedInputTokens: 30_000, outputTokens: 1_234, reasoningTokens: 500, costUsd: 0.125 };

test.each([
  [0, "0"],
  [999, "999"],
  [1_000, "1k"],
  [45_140, "45.1k"],
  [999_949, "999.9k"],
  [999_950, "1m"],
  [1_500_000, "1.5m"],
])("%i tokens are told as %s", (count, text) => expect(tokens(count)).toBe(text));

test("money: cents for people, and more digits where a cent is too much", () => {
  expect([0, 0.00421, 0.0999, 0.1, 2.5, 1234.5].map(dollars)).toEqual(["$0.00", "$0.0042", "$0.0999", "$0.10", "$2.50", "$1234.50"]);
});

test("usage names what was cached and what it cost, where there was any", () => {
  expect(usageText(USAGE)).toBe("45.1k tokens in (30k cached), 1.2k out, $0.13");
  expect(usageText({ ...USAGE, cachedInputTokens: 0, costUsd: 0 })).toBe("45.1k tokens in, 1.2k out");
  expect(usageText(addUsage(addUsage(NO_USAGE, USAGE), USAGE))).toBe("90.2k tokens in (60k cached), 2.5k out, $0.25");
});

test("a budget is told by its limits, and what was spent as a share of them", () => {
  expect(budgetText({})).toBeUndefined();
  expect(budgetText({ tokens: 200_000, usd: 2.5, attemptUsd: 1 })).toBe("200k tokens, $2.50; an attempt $1.00");
  expect(budgetText({ attemptTokens: 50_000 })).toBe("an attempt 50k tokens");
  expect(spentText(USAGE, { tokens: 200_000, usd: 2.5 })).toBe("45.1k tokens in (30k cached), 1.2k out, $0.13 – 23 % of 200k tokens, 5 % of $2.50");
  expect(spentText(USAGE, { attemptTokens: 5 })).toBe(usageText(USAGE));
});

test("a day is told by what is spent, what is reserved and what may be", () => {
  const nothing = { day: "2031-05-04", calls: 0, tokens: 0, usd: 0, reservedTokens: 0, reservedUsd: 0, resetsAt: 0, budget: {} };
  expect(dayText(nothing)).toBe("0 tokens, $0.00 in 0 calls since 00:00 UTC; no limit is set");
  const spent = { ...nothing, calls: 12, tokens: 1_200_000, usd: 3.2, reservedTokens: 128_000, budget: { tokens: 20_000_000, usd: 50 } };
  expect(dayText(spent)).toBe("1.2m of 20m tokens (128k more reserved), $3.20 of $50.00 in 12 calls since 00:00 UTC");
});
