import type { DaySpending } from "@slipway/protocol/budget";
import type { Usage } from "@slipway/protocol/events";
import type { Budget } from "@slipway/protocol/job";
import { plural } from "./text.ts";

/** Such as `812`, `45.1k`, `1.5m`: tokens for people. */
export function tokens(count: number): string {
  if (count < 1_000) return String(count);
  if (count < 999_950) return `${short(count / 1_000)}k`;
  return `${short(count / 1_000_000)}m`;
}

/** Such as `$2.50`, and `$0.0042` for what is less than a cent or two. */
export function dollars(usd: number): string {
  return `$${usd > 0 && usd < 0.1 ? usd.toFixed(4) : usd.toFixed(2)}`;
}

/** Such as `45.1k tokens in (30k cached), 1.2k out, $0.12`. */
export function usageText({ inputTokens, cachedInputTokens, outputTokens, costUsd }: Usage): string {
  const cached = cachedInputTokens > 0 ? ` (${tokens(cachedInputTokens)} cached)` : "";
  return `${tokens(inputTokens)} tokens in${cached}, ${tokens(outputTokens)} out${costUsd > 0 ? `, ${dollars(costUsd)}` : ""}`;
}

/** Such as `200k tokens, $2.50; an attempt $1.00`; undefined where nothing is bounded. */
export function budgetText(budget: Budget): string | undefined {
  const whole = limits(budget.tokens, budget.usd);
  const attempt = limits(budget.attemptTokens, budget.attemptUsd);
  return [whole, attempt && `an attempt ${attempt}`].filter(Boolean).join("; ") || undefined;
}

/** The usage, and how much of the job's own limits that is, such as `46.3k tokens … – 23 % of 200k tokens, 5 % of $2.50`. */
export function spentText(usage: Usage, budget: Budget): string {
  const spent = usage.inputTokens + usage.outputTokens;
  const shares = [
    budget.tokens === undefined ? undefined : `${percent(spent, budget.tokens)} of ${tokens(budget.tokens)} tokens`,
    budget.usd === undefined ? undefined : `${percent(usage.costUsd, budget.usd)} of ${dollars(budget.usd)}`,
  ].filter((share) => share !== undefined);
  return shares.length === 0 ? usageText(usage) : `${usageText(usage)} – ${shares.join(", ")}`;
}

/** Such as `1.2m of 20m tokens (128k more reserved), $3.20 of $50.00 since 00:00 UTC`; what is not bounded is told without a limit. */
export function dayText({ calls, tokens: count, usd, reservedTokens, reservedUsd, budget }: DaySpending): string {
  const amount = (spent: number, reserved: number, limit: number | undefined, show: (value: number) => string, unit: string): string =>
    `${show(spent)}${limit === undefined ? "" : ` of ${show(limit)}`}${unit}${reserved > 0 ? ` (${show(reserved)} more reserved)` : ""}`;
  const parts = [amount(count, reservedTokens, budget.tokens, tokens, " tokens"), amount(usd, reservedUsd, budget.usd, dollars, "")];
  const limit = budget.tokens === undefined && budget.usd === undefined ? "; no limit is set" : "";
  return `${parts.join(", ")} in ${plural(calls, "call")} since 00:00 UTC${limit}`;
}

/** Adds up what several calls took. */
export function addUsage(one: Usage, other: Usage): Usage {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    costUsd: one.costUsd + other.costUsd,
  };
}

export const NO_USAGE: Usage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };

function limits(count: number | undefined, usd: number | undefined): string {
  return [count === undefined ? "" : `${tokens(count)} tokens`, usd === undefined ? "" : dollars(usd)].filter(Boolean).join(", ");
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}

/** One digit after the point, where it is not a zero. */
function short(value: number): string {
  return value.toFixed(1).replace(/\.0$/, "");
}
