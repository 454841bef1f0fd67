import { expect, test } from "vitest";
import { costOf, highestCost, outputLimit, priceOf } from "./prices.ts";

const tokens = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 };

test("a price is found by name, by date and by the user's patterns, which win", () => {
  expect(priceOf("gpt-5.5", {})?.input).toBe(5);
  expect(priceOf("gpt-5.5-2026-04-23", {})?.input).toBe(5);
  expect(priceOf("gpt-5.5-latest", {})).toBeNull();
  expect(priceOf("constructor", {})).toBeNull();
  const own = { "gpt-*": { input: 1, output: 1 }, "gpt-5.5": { input: 7, output: 7 } };
  expect(priceOf("gpt-5.5", own)?.input).toBe(7);
  expect(priceOf("gpt-5.4", own)?.input).toBe(1);
});

test("cached input and cache writes have prices of their own", () => {
  const price = priceOf("gpt-6.1-sol", {});
  const counted = { ...tokens, inputTokens: 100_000, cachedInputTokens: 60_000, cacheWriteTokens: 20_000, outputTokens: 10_000 };
  expect(costOf(price, counted, undefined)).toBeCloseTo(0.02 * 2 + 0.06 * 0.1 + 0.02 * 2.5 + 0.01 * 10, 10);
  expect(costOf(price, counted, "priority")).toBeCloseTo(2 * (0.02 * 2 + 0.06 * 0.1 + 0.02 * 2.5 + 0.01 * 10), 10);
  expect(costOf(null, counted, undefined)).toBe(0);
});

test("Claude: a date is taken off, an hour in the cache has its price, and so has the fast mode", () => {
  const price = priceOf("claude-opus-5-5-20260922", {});
  const counted = { ...tokens, inputTokens: 100_000, cachedInputTokens: 60_000, cacheWriteTokens: 20_000, longCacheWriteTokens: 5_000, outputTokens: 10_000 };
  const expected = 0.02 * 4 + 0.06 * 0.2 + 0.015 * 5 + 0.005 * 8 + 0.01 * 20;
  expect(costOf(price, counted, undefined)).toBeCloseTo(expected, 10);
  expect(costOf(price, counted, "fast")).toBeCloseTo(2 * expected, 10);
  expect(costOf(price, counted, "priority")).toBeCloseTo(expected, 10);
  expect(highestCost(price, { input: 1_000_000, output: 0 }, undefined)).toBeCloseTo(5, 10);
  expect(highestCost(price, { input: 1_000_000, output: 0, writesLongCache: true }, undefined)).toBeCloseTo(8, 10);
});

test("a long input makes the whole request dearer", () => {
  expect(costOf(priceOf("gpt-5.5", {}), { ...tokens, inputTokens: 300_000, outputTokens: 1_000 }, undefined)).toBeCloseTo(0.3 * 10 + 0.001 * 45, 10);
});

test("no call costs more than what was reserved for its tokens", () => {
  for (const model of ["gpt-6.2-sol", "gpt-5.5", "gpt-5.1", "own"]) {
    const price = priceOf(model, { own: { input: 3, output: 9 } });
    for (const input of [1_000, 272_000, 272_001, 900_000]) {
      for (const tier of [undefined, "default", "flex", "priority", "ultrafast"]) {
        const most = highestCost(price, { input, output: 5_000 }, tier);
        for (const [cached, written] of [
          [0, 0],
          [0, 1_000],
          [500, 500],
        ] as const) {
          const counted = { ...tokens, inputTokens: input, cachedInputTokens: cached, cacheWriteTokens: written, outputTokens: 5_000 };
          expect(costOf(price, counted, tier)).toBeLessThanOrEqual((most ?? 0) + 1e-12);
        }
      }
    }
  }
});

test("without a price nothing is known of the cost, and a bound on the answer is taken", () => {
  expect(highestCost(null, { input: 1, output: 1 }, undefined)).toBeNull();
  expect(outputLimit(null)).toBe(32_000);
  expect(outputLimit(priceOf("gpt-5", {}))).toBe(128_000);
});
