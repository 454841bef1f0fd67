import type { Budget, Failure } from "@slipway/protocol/job";

/** An amount for each limit that a budget may name: of the job and of one attempt, in tokens and in US dollars. */
export type Amounts = Record<keyof Budget, number>;

/** What a call may take at most. */
export interface WantedCall {
  readonly provider: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number | null;
}

export interface Ledger {
  /** By calls that are settled. */
  readonly spent: Amounts;
  /** By calls that are under way. */
  readonly reserved: Amounts;
}

const LIMITS = [
  { key: "tokens", scope: "job", unit: "tokens" },
  { key: "usd", scope: "job", unit: "usd" },
  { key: "attemptTokens", scope: "attempt", unit: "tokens" },
  { key: "attemptUsd", scope: "attempt", unit: "usd" },
] as const satisfies ReadonlyArray<{ key: keyof Budget; scope: "job" | "attempt"; unit: "tokens" | "usd" }>;
type Limit = (typeof LIMITS)[number];

// Sums of fractions of dollars differ from the true sum in their last digits: a call that fits exactly must fit.
export const ROUNDING = 1e-9;

/** Why a call must not begin. `waiting`: it fits once calls that are under way have taken less than was reserved for them. */
export interface BudgetRefusal {
  readonly failure: Failure;
  readonly waiting: boolean;
}

/** Null where the budget has room for the call. A limit that the call can never meet comes before one that it only has to wait for. */
export function judgeBudget(budget: Budget, { spent, reserved }: Ledger, call: WantedCall): BudgetRefusal | null {
  const named = LIMITS.filter(({ key }) => budget[key] !== undefined);
  const priced = named.find(({ unit }) => unit === "usd");
  if (priced && call.costUsd === null) return { failure: withoutPrice(priced.scope, priced.key, call), waiting: false };
  const judged = named.map((limit) => {
    const wanted = limit.unit === "tokens" ? call.inputTokens + call.outputTokens : (call.costUsd ?? 0);
    const bound = (budget[limit.key] ?? 0) + ROUNDING;
    return { limit, wanted, never: spent[limit.key] + wanted > bound, notNow: spent[limit.key] + reserved[limit.key] + wanted > bound };
  });
  const refused = judged.find(({ never }) => never) ?? judged.find(({ notNow }) => notNow);
  if (!refused) return null;
  const { limit, wanted, never } = refused;
  const amounts = { limit: budget[limit.key] ?? 0, spent: spent[limit.key], reserved: reserved[limit.key], wanted };
  return { failure: exceeded(limit, amounts, call, !never), waiting: !never };
}

/** The refusal of a call whose cost nobody can tell, by whose budget it is. */
export function withoutPrice(scope: "job" | "attempt" | "installation" | "repository", budget: string, { provider, model }: WantedCall): Failure {
  const setting = `prices.${model}`;
  return {
    code: "MODEL_NOT_ALLOWED",
    message: `The ${scope} has a budget in US dollars, and no price is known for the model ${model} of ${provider}.`,
    details: {
      provider,
      model,
      setting,
      budget,
      hint: `Set ${setting} in gateway.yaml, or give the ${scope} a budget in tokens instead; then \`slipway retry\`.`,
    },
  };
}

function exceeded(
  { scope, unit }: Limit,
  amounts: { limit: number; spent: number; reserved: number; wanted: number },
  call: WantedCall,
  waiting: boolean,
): Failure {
  const show = (amount: number): string => amountText(unit, amount);
  const { limit, spent, reserved, wanted } = amounts;
  const upTo = `input up to ${countText(call.inputTokens)} tokens, answer up to ${countText(call.outputTokens)} tokens`;
  const message =
    `The ${scope}'s budget of ${show(limit)} has no room for the next call of ${call.model}: ${show(spent)} are spent, ${show(reserved)} are reserved for ` +
    `calls under way, and this one may take ${show(wanted)} (${upTo}).`;
  const hint = `Raise the ${scope}'s budget; or lower \`maxOutputTokens\` under prices.${call.model} in gateway.yaml, the answer that is reserved for.`;
  const { provider, model, inputTokens, outputTokens } = call;
  return { code: "BUDGET_EXCEEDED", message, details: { scope, unit, ...amounts, waiting, provider, model, inputTokens, outputTokens, hint } };
}

export function countText(value: number): string {
  return value.toLocaleString("en-US");
}

/** Such as `1,500 tokens`, or `$2.50`. */
export function amountText(unit: "tokens" | "usd", value: number): string {
  if (unit === "tokens") return `${countText(value)} tokens`;
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
}
