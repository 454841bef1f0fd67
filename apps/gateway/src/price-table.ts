import type { Price } from "@slipway/protocol/gateway-config";

/** A list price with what the vendor makes dearer or cheaper; dollars for a million tokens. */
export interface ListPrice extends Price {
  readonly maxOutputTokens: number;
  /** For input that the vendor writes to its cache, where that is dearer than input. */
  readonly cacheWrite?: number;
  /** For input that it keeps there for longer, where that is dearer still. */
  readonly longCacheWrite?: number;
  /** What tiers of service cost against the standard one, where they are not those of `TIER_FACTORS`. */
  readonly tiers?: Readonly<Record<string, number>>;
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

/** Claude: 1.25 times the price of input for what is written to the cache for five minutes, twice for an hour; the fast mode has a factor of its own. */
function claude(input: number, cachedInput: number, output: number, { fast = 1, maxOutputTokens = 64_000 } = {}): ListPrice {
  return { ...text(input, cachedInput, output, maxOutputTokens), cacheWrite: input * 1.25, longCacheWrite: input * 2, tiers: { fast } };
}

const LARGE = { maxOutputTokens: 128_000 } as const;

/**
 * Anthropic's list prices, standard tier: https://platform.claude.com/docs/en/about-claude/pricing, as told by November 2026. A dated name
 * (`claude-haiku-4-5-20251001`) has the price of its model.
 */
const CLAUDE_PRICES: Readonly<Record<string, ListPrice>> = {
  "claude-fable-5-1": claude(10, 0.25, 50, LARGE),
  "claude-mythos-5-1": claude(10, 0.25, 50, LARGE),
  "claude-fable-5": claude(10, 1, 50, LARGE),
  "claude-mythos-5": claude(10, 1, 50, LARGE),
  "claude-opus-5-5": claude(4, 0.2, 20, { fast: 2, ...LARGE }),
  "claude-opus-5": claude(5, 0.5, 25, { fast: 2, ...LARGE }),
  "claude-opus-4-8": claude(5, 0.5, 25, { fast: 2, ...LARGE }),
  "claude-opus-4-7": claude(5, 0.5, 25, { fast: 6, ...LARGE }),
  "claude-opus-4-6": claude(5, 0.5, 25, { fast: 6, ...LARGE }),
  "claude-opus-4-5": claude(5, 0.5, 25),
  "claude-opus-4-1": claude(15, 1.5, 75, { maxOutputTokens: 32_000 }),
  "claude-sonnet-5-5": claude(2, 0.1, 10, LARGE),
  "claude-sonnet-5": claude(2, 0.2, 10, LARGE),
  "claude-sonnet-4-6": claude(3, 0.3, 15),
  "claude-sonnet-4-5": claude(3, 0.3, 15),
  "claude-haiku-5-5": { ...claude(0.1, 0.01, 0.5), long: { aboveInputTokens: 100_000, inputFactor: 5, outputFactor: 5 } },
  "claude-haiku-4-5": claude(1, 0.1, 5),
};

/** Twice the price of input, and one and a half times that of output, where the whole input is longer than 200,000 tokens. */
const GEMINI_LONG = { aboveInputTokens: 200_000, inputFactor: 2, outputFactor: 1.5 } as const;

function geminiPro(input: number, cachedInput: number, output: number): ListPrice {
  return { ...text(input, cachedInput, output, 65_536), long: GEMINI_LONG };
}

/** Google's list prices, standard tier: https://ai.google.dev/gemini-api/docs/pricing. Models whose price is not known here are not in it. */
const GEMINI_PRICES: Readonly<Record<string, ListPrice>> = {
  "gemini-3.1-pro-preview": geminiPro(2, 0.2, 12),
  "gemini-3.1-pro-preview-customtools": geminiPro(2, 0.2, 12),
  "gemini-3.1-flash-lite-preview": text(0.25, 0.025, 1.5, 65_536),
  "gemini-3-pro-preview": geminiPro(2, 0.2, 12),
  "gemini-3-flash-preview": text(0.5, 0.05, 3, 65_536),
  "gemini-2.5-pro": geminiPro(1.25, 0.125, 10),
  "gemini-2.5-flash": text(0.3, 0.03, 2.5, 65_536),
  "gemini-2.5-flash-lite": text(0.1, 0.01, 0.4, 65_536),
};

/**
 * OpenAI's list prices, standard tier: https://developers.openai.com/api/docs/pricing and the pages of its models, as told by November 2026. A dated name
 * (`gpt-5-2025-08-07`) has the price of its model. What is not here has no known price; `prices` in gateway.yaml adds to the table and wins over it.
 */
export const LIST_PRICES: Readonly<Record<string, ListPrice>> = {
  ...CLAUDE_PRICES,
  ...GEMINI_PRICES,
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
