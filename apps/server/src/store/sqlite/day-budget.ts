import type { DayBudget, DaySpending } from "@slipway/protocol/budget";
import type { Failure } from "@slipway/protocol/job";
import { NOW } from "./clock.ts";
import type { Database } from "./database.ts";
import { amountText, type BudgetRefusal, countText, ROUNDING, type WantedCall, withoutPrice } from "./model-budget.ts";

const DAY_MS = 86_400_000;

/** `spent`: the table of what days took, joined as `d`. */
function spentIn(spent: string): string {
  return `
    SELECT date(${NOW} / 1000, 'unixepoch') AS day, COALESCE(d.calls, 0) AS calls, COALESCE(d.tokens, 0) AS tokens, COALESCE(d.usd, 0) AS usd,
      (${NOW} / ${DAY_MS} + 1) * ${DAY_MS} AS resetsAt, (${NOW} / ${DAY_MS} + 1) * ${DAY_MS} - ${NOW} AS leftMs
    FROM (SELECT 1) LEFT JOIN ${spent} AND d.day = date(${NOW} / 1000, 'unixepoch')`;
}

// Few at any time.
function reservedOf(jobs: string): string {
  return `
    SELECT total(reserved_input_tokens + reserved_output_tokens) AS reservedTokens, total(reserved_usd) AS reservedUsd
    FROM model_calls c INDEXED BY model_calls_open WHERE c.state = 'open' AND ${jobs}`;
}

const OF_ALL = { spent: spentIn("spending_days d ON true"), reserved: reservedOf("true") } as const;
const OF_REPOSITORY = {
  spent: spentIn("repository_spending_days d ON d.repo_id = @repoId"),
  reserved: reservedOf("(SELECT repo_id FROM jobs WHERE number = c.job) = @repoId"),
} as const;

export type DayLedger = Omit<DaySpending, "budget"> & { readonly leftMs: number };

/** What the present day of UTC took so far, by the database's clock; of one repository alone where it is named. */
export function dayLedger(db: Database, repoId?: string): DayLedger {
  const { spent: spentSql, reserved: reservedSql } = repoId === undefined ? OF_ALL : OF_REPOSITORY;
  const named = repoId === undefined ? {} : { repoId };
  const spent = db.get<Omit<DayLedger, "reservedTokens" | "reservedUsd">>(spentSql, named);
  const reserved = db.get<Pick<DayLedger, "reservedTokens" | "reservedUsd">>(reservedSql, named);
  if (!spent || !reserved) throw new Error("an aggregate answered no row");
  return { ...spent, ...reserved };
}

const LIMITS = [
  { unit: "tokens", key: "tokens", reserved: "reservedTokens" },
  { unit: "usd", key: "usd", reserved: "reservedUsd" },
] as const;

/**
 * Null where the day has room for the call. What no day has room for is BUDGET_EXCEEDED: another day would not help. Else DAY_BUDGET_EXCEEDED, with
 * `retryAfterMs` where the next day is what has room. `repository`: the name of the one whose budget it is; the installation's where it is missing.
 */
export function judgeDay(budget: DayBudget, ledger: DayLedger, call: WantedCall, repository?: string): BudgetRefusal | null {
  const owner = repository === undefined ? "installation" : "repository";
  if (budget.usd !== undefined && call.costUsd === null) return { failure: withoutPrice(owner, "dayBudget.usd", call), waiting: false };
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
  return { failure: exceeded(amounts, { room, repository }, ledger, call), waiting: room === "later" };
}

interface DayAmounts {
  readonly unit: "tokens" | "usd";
  readonly limit: number;
  readonly spent: number;
  readonly reserved: number;
  readonly wanted: number;
}

/** How the budget of a day is raised, by whose it is. */
export function raiseText(unit: "tokens" | "usd", repository: string | undefined): string {
  if (repository === undefined) return `raise \`server.dayBudget.${unit}\` in slipway.yaml and restart \`slipway up\` (Ctrl-C, then again)`;
  const name = /^[\w.-]+$/.test(repository) ? repository : JSON.stringify(repository);
  return unit === "tokens" ? `raise it: \`slipway repos set ${name} --day-budget-tokens N\`` : `raise it: \`slipway repos set ${name} --day-budget-usd N\``;
}

/** Whose jobs share the budget of a day. */
export function sharersText(repository: string | undefined): string {
  return repository === undefined ? "all jobs together" : `all jobs of the repository ${repository} together`;
}

function exceeded(
  amounts: DayAmounts,
  { room, repository }: { room: "never" | "tomorrow" | "later" | "now"; repository: string | undefined },
  { resetsAt, leftMs }: DayLedger,
  call: WantedCall,
): Failure {
  const { unit, limit, spent, reserved, wanted } = amounts;
  const show = (amount: number): string => amountText(unit, amount);
  const { provider, model, inputTokens, outputTokens } = call;
  const whole = `this call of ${model} may take ${show(wanted)} (input up to ${countText(inputTokens)} tokens, answer up to ${countText(outputTokens)} tokens)`;
  const sharers = sharersText(repository).replace(/^a/, "A");
  const details = {
    scope: "day",
    ...(repository === undefined ? {} : { repository }),
    ...amounts,
    waiting: room === "later",
    provider,
    model,
    inputTokens,
    outputTokens,
  };
  const lower = `lower \`maxOutputTokens\` under prices.${model} in gateway.yaml, the answer that is reserved for`;
  if (room === "never") {
    const message = `${sharers} may spend ${show(limit)} in a day, and ${whole}: no day has room for it.`;
    return {
      code: "BUDGET_EXCEEDED",
      message,
      details: { ...details, hint: `${raiseText(unit, repository).replace(/^r/, "R")}; or ${lower}.` },
    };
  }
  const at = new Date(resetsAt).toISOString();
  const message = `${sharers} may spend ${show(limit)} in a day: ${show(spent)} are spent today, ${show(reserved)} are reserved for calls under way, and ${whole}.`;
  const hint = `Nothing: the job goes on after ${at}. Or ${raiseText(unit, repository)}; or ${lower}.`;
  return { code: "DAY_BUDGET_EXCEEDED", message, details: { ...details, resetsAt: at, ...(room === "tomorrow" ? { retryAfterMs: leftMs } : {}), hint } };
}
