import type { Usage } from "@slipway/protocol/events";
import type { GatewayConfig, Price } from "@slipway/protocol/gateway-config";
import { fitsPattern } from "./name-pattern.ts";
import { LIST_PRICES, type ListPrice, TIER_FACTORS } from "./price-table.ts";

/** What is reserved for an answer where neither the request nor a price says how long it may be. */
const OUTPUT_TOKENS = 32_000;

/** Tokens of a call, as the vendor counted them; `cacheWriteTokens` and `cachedInputTokens` are part of the input, `reasoningTokens` of the output. */
export interface CountedTokens extends Omit<Usage, "costUsd"> {
  readonly cacheWriteTokens: number;
  /** Of `cacheWriteTokens`, those that are cached for long, where that is dearer. */
  readonly longCacheWriteTokens?: number;
}

/** The price of a model: the user's own, exact name before pattern, else the list price of the model or of the one that its date belongs to. */
export function priceOf(model: string, own: GatewayConfig["prices"]): Price | ListPrice | null {
  const exact = Object.hasOwn(own, model) ? own[model] : undefined;
  if (exact) return exact;
  for (const [pattern, price] of Object.entries(own)) if (fitsPattern(model, pattern)) return price;
  const undated = model.replace(/-(\d{4}-\d{2}-\d{2}|20\d{6})$/, "");
  return (Object.hasOwn(LIST_PRICES, undated) ? LIST_PRICES[undated] : null) ?? null;
}

/** Output tokens to reserve for a request that sets no limit itself. */
export function outputLimit(price: Price | null): number {
  return price?.maxOutputTokens ?? OUTPUT_TOKENS;
}

/** Most that a call can cost, in dollars: nothing of its input comes from the cache, and a dearer tier is charged as asked for. Null without a price. */
export function highestCost(
  price: Price | ListPrice | null,
  tokens: { readonly input: number; readonly output: number; readonly writesLongCache?: boolean | undefined },
  tier: string | undefined,
): number | null {
  if (price === null) return null;
  const { cacheWrite = 0, longCacheWrite = 0 } = price as ListPrice;
  const input = Math.max(price.input, cacheWrite, tokens.writesLongCache ? longCacheWrite : 0);
  const factors = factorsOf(price, tokens.input, tier);
  const atLeastStandard = isListed(price) ? Math.max(1, factors.tier) : 1;
  return (atLeastStandard * (tokens.input * input * factors.input + tokens.output * price.output * factors.output)) / 1_000_000;
}

/** What the counted tokens cost, in dollars; 0 without a price. `tier` is the one that the answer names. */
export function costOf(price: Price | ListPrice | null, tokens: CountedTokens, tier: string | undefined): number {
  if (price === null) return 0;
  const factors = factorsOf(price, tokens.inputTokens, tier);
  const cached = Math.min(tokens.cachedInputTokens, tokens.inputTokens);
  const written = Math.min(tokens.cacheWriteTokens, tokens.inputTokens - cached);
  const long = Math.min(tokens.longCacheWriteTokens ?? 0, written);
  const plain = tokens.inputTokens - cached - written;
  const { cacheWrite = price.input, longCacheWrite = cacheWrite } = price as ListPrice;
  const input = plain * price.input + cached * (price.cachedInput ?? price.input) + (written - long) * cacheWrite + long * longCacheWrite;
  return (factors.tier * (input * factors.input + tokens.outputTokens * price.output * factors.output)) / 1_000_000;
}

/** A price of the user's own is taken as it stands. */
function factorsOf(price: Price | ListPrice, inputTokens: number, tier: string | undefined): { tier: number; input: number; output: number } {
  if (!isListed(price)) return { tier: 1, input: 1, output: 1 };
  const long = price.long && inputTokens > price.long.aboveInputTokens ? price.long : undefined;
  const tiers = price.tiers ?? TIER_FACTORS;
  const tierFactor = tier !== undefined && Object.hasOwn(tiers, tier) ? (tiers[tier] ?? 1) : 1;
  return { tier: tierFactor, input: long?.inputFactor ?? 1, output: long?.outputFactor ?? 1 };
}

const listed: ReadonlySet<Price> = new Set(Object.values(LIST_PRICES));

function isListed(price: Price | ListPrice): price is ListPrice {
  return listed.has(price);
}
