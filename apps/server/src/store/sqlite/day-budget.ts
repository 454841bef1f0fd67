import type { DayBudget, DaySpending } from "@slipway/protocol/budget";
import type { Failure } from "@slipway/protocol/job";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import { amountText, type BudgetRefusal, countText, ROUNDING, type WantedCall, withoutPrice } from "./model-budget.ts";

const DAY_MS = 86_400_000;

const SPENT = `
  SELECT date(${NOW} / 1000, 'unixepoch') AS day, COALESCE(d.calls, 0) AS calls, COALESCE(d.tokens, 0) AS tokens, COALESCE(d.usd, 0) AS usd,
    (${NOW} / ${DAY_MS} + 1) * ${DAY_MS} AS resetsAt, (${NOW} / ${DAY_MS} + 1) * ${DAY_MS} - ${NOW} AS leftMs
  FROM (SELECT 1) LEFT JOIN spending_days d ON d.day = date(${NOW} / 1000, 'unixepoch')`;

// Few at any time.
const RESERVED = `
  SELECT total(reserved_input_tokens + reserved_output_tokens) AS reservedTokens, total(reserved_usd) AS reservedUsd
  FROM model_calls INDEXED BY model_calls_open WHERE state = 'open'`;

export type DayLedger = Omit<DaySpending, "budget"> & { readonly leftMs: number };

/** What the present day of UTC took so far, by the database's clock. */
export function dayLedger(db: Database): DayLedger {
  const spent = db.get<Omit<DayLedger, "reservedTokens" | "reservedUsd">>(SPENT);
  const reserved = db.get<Pick<DayLedger, "reservedTokens" | "reservedUsd">>(RESERVED);
  if (!spent || !reserved) throw new Error("an aggregate answered no row");
  return { ...spent, ...reserved };
}

const LIMITS = [
  { unit: "tokens", key: "tokens", reserved: "reservedTokens" },
  { unit: "usd", key: "usd", reserved: "reservedUsd" },
] as const;

/**
 * Null where the day has room for the call. What no day has room for is BUDGET_EXCEEDED: another day would not help. Else DAY_BUDGET_EXCEEDED, with
 * `retryAfterMs` where the next day is what has room.
 */
export function judgeDay(budget: DayBudget, ledger: DayLedger, call: WantedCall): BudgetRefusal | null {
  if (budget.usd !== undefined && call.costUsd === null) return { failure: withoutPrice("installation", "dayBudget.usd", call), waiting: false };
  const judged = LIMITS.flatMap(({ unit, key, reserved }) => {
    const limit = budget[key];
    if (limit === undefined) return [];
    const wanted = unit === "tokens" ? call.inputTokens + call.outputTokens : (call.costUsd ?? 0);
    const [spent, held, bound] = [ledger[key], ledger[reserved], limit + ROUNDING];
    const room = wanted > bound ? "never" : spent + wanted > bound ? "tomorrow" : spent + held + wanted > bound ? "later" : "now";
    return [{ unit, limit, spent, reserved: held, wanted, room } as const];
  });
  const [refused] = ["never", "tomorrow", "later"].flatMap((room) => judged.filter((each) => each.room === room));
  if (!refused) return null;
  const { room, ...amounts } = refused;
  return { failure: exceeded(amounts, room, ledger, call), waiting: room === "later" };
}

interface DayAmounts {
  readonly unit: "tokens" | "usd";
  readonly limit: number;
  readonly spent: number;
  readonly reserved: number;
  readonly wanted: number;
}

function exceeded(amounts: DayAmounts, room: "never" | "tomorrow" | "later" | "now", { resetsAt, leftMs }: DayLedger, call: WantedCall): Failure {
  const { unit, limit, spent, reserved, wanted } = amounts;
  const show = (amount: number): string => amountText(unit, amount);
  const { provider, model, inputTokens, outputTokens } = call;
  const whole = `this call of ${model} may take ${show(wanted)} (input up to ${countText(inputTokens)} tokens, answer up to ${countText(outputTokens)} tokens)`;
  const details = { scope: "day", ...amounts, waiting: room === "later", provider, model, inputTokens, outputTokens };
  const lower = `lower \`maxOutputTokens\` under prices.${model} in gateway.yaml, the answer that is reserved for`;
  if (room === "never") {
    const message = `All jobs together may spend ${show(limit)} in a day, and ${whole}: no day has room for it.`;
    return {
      code: "BUDGET_EXCEEDED",
      message,
      details: { ...details, hint: `Raise \`server.dayBudget\` in slipway.yaml and restart \`slipway up\`; or ${lower}.` },
    };
  }
  const at = new Date(resetsAt).toISOString();
  const message = `All jobs together may spend ${show(limit)} in a day: ${show(spent)} are spent today, ${show(reserved)} are reserved for calls under way, and ${whole}.`;
  const hint = `Nothing: the job goes on after ${at}. Or raise \`server.dayBudget\` in slipway.yaml and restart \`slipway up\`; or ${lower}.`;
  return { code: "DAY_BUDGET_EXCEEDED", message, details: { ...details, resetsAt: at, ...(room === "tomorrow" ? { retryAfterMs: leftMs } : {}), hint } };
}
