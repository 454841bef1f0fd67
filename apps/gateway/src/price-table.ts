import type { Price } from "@slipway/protocol/gateway-config";

/** A list price with what the vendor makes dearer or cheaper; dollars for a million tokens. */
export interface ListPrice extends Price {
  readonly maxOutputTokens: number;
  /** For input that the vendor writes to its cache, where that is dearer than input. */
  readonly cacheWrite?: number;
  /** The whole request is dearer where its input is longer than this. */
  readonly long?: { readonly aboveInputTokens: number; readonly inputFactor: number; readonly outputFactor: number };
}

const LONG = { aboveInputTokens: 272_000, inputFactor: 2, outputFactor: 1.5 } as const;

function text(input: number, cachedInput: number, output: number, maxOutputTokens = 128_000): ListPrice {
  return { input, cachedInput, output, maxOutputTokens };
}

/** Models from 5.4 on: a million tokens of context, at the prices of `LONG` above its bound. */
function longText(input: number, cachedInput: number, output: number): ListPrice {
  return { ...text(input, cachedInput, output), long: LONG };
}

/** Models from 5.6 on charge 1.25 times the price of input for what they write to the cache. */
function cachingText(input: number, cachedInput: number, output: number): ListPrice {
  return { ...longText(input, cachedInput, output), cacheWrite: input * 1.25 };
}

/**
 * OpenAI's list prices, standard tier: https://developers.openai.com/api/docs/pricing and the pages of its models, as told by November 2026. A dated name
 * (`gpt-5-2025-08-07`) has the price of its model. What is not here has no known price; `prices` in gateway.yaml adds to the table and wins over it.
 */
export const LIST_PRICES: Readonly<Record<string, ListPrice>> = {
  "gpt-6.2-sol": cachingText(2, 0.1, 10),
  "gpt-6.1-sol": cachingText(2, 0.1, 10),
  "gpt-6.1-terra": cachingText(1, 0.05, 5),
  "gpt-6-astra": cachingText(10, 1, 50),
  "gpt-6-sol": cachingText(2, 0.2, 10),
  "gpt-6-luna": cachingText(0.1, 0.01, 0.5),
  "gpt-5.6-sol": cachingText(4, 0.4, 20),
  "gpt-5.6-terra": cachingText(2, 0.2, 12),
  "gpt-5.6-luna": cachingText(0.2, 0.02, 1.2),
  "gpt-5.5": longText(5, 0.5, 30),
  "gpt-5.5-pro": longText(30, 30, 180),
  "gpt-5.4": longText(2.5, 0.25, 15),
  "gpt-5.4-mini": text(0.75, 0.075, 4.5),
  "gpt-5.4-nano": text(0.2, 0.02, 1.25),
  "gpt-5.4-pro": longText(30, 30, 180),
  "gpt-5.3-codex": text(1.75, 0.175, 14),
  "gpt-5.2": text(1.75, 0.175, 14),
  "gpt-5.2-codex": text(1.75, 0.175, 14),
  "gpt-5.1": text(1.25, 0.125, 10),
  "gpt-5.1-codex": text(1.25, 0.125, 10),
  "gpt-5.1-codex-max": text(1.25, 0.125, 10),
  "gpt-5.1-codex-mini": text(0.25, 0.025, 2),
  "gpt-5": text(1.25, 0.125, 10),
  "gpt-5-codex": text(1.25, 0.125, 10),
  "gpt-5-mini": text(0.25, 0.025, 2),
  "gpt-5-nano": text(0.05, 0.005, 0.4),
  "gpt-4.1": text(2, 0.5, 8, 32_768),
  "gpt-4.1-mini": text(0.4, 0.1, 1.6, 32_768),
  "gpt-4.1-nano": text(0.1, 0.025, 0.4, 32_768),
  "gpt-4o": text(2.5, 1.25, 10, 16_384),
  "gpt-4o-mini": text(0.15, 0.075, 0.6, 16_384),
  o3: text(2, 0.5, 8, 100_000),
  "o4-mini": text(1.1, 0.275, 4.4, 100_000),
};

/** What the tiers of service cost against the standard one. Another tier has the standard price. */
export const TIER_FACTORS: Readonly<Record<string, number>> = { flex: 0.5, priority: 2, fast: 2, ultrafast: 6 };
