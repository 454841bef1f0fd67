import { z } from "zod";
import { timeSchema } from "./scalars.ts";

const budgetLimit = (unit: z.ZodType<number>, what: string) => unit.optional().describe(what);

/** What a job may spend on models, counted by the gateway. Tokens are those in (cached ones included) and out. What is not named is not bounded. */
export const budgetSchema = z.strictObject({
  tokens: budgetLimit(z.int().positive(), "Tokens of the whole job, all attempts together."),
  usd: budgetLimit(z.number().positive(), "US dollars of the whole job, all attempts together."),
  attemptTokens: budgetLimit(z.int().positive(), "Tokens of one attempt."),
  attemptUsd: budgetLimit(z.number().positive(), "US dollars of one attempt."),
});
export type Budget = z.infer<typeof budgetSchema>;

/** What all jobs of an installation together may spend on models in one day, which begins at 00:00 UTC. What is not named is not bounded. */
export const dayBudgetSchema = z.strictObject({
  tokens: budgetLimit(
    z.int().positive(),
    "Tokens that all jobs together may take in a day, which begins at 00:00 UTC ([budgets](guides/budgets.md#a-day-of-the-whole-installation)).",
  ),
  usd: budgetLimit(z.number().positive(), "US dollars that all jobs together may take in such a day."),
});
export type DayBudget = z.infer<typeof dayBudgetSchema>;

/** What the model calls of the present day took, of all jobs together. */
export const daySpendingSchema = z.object({
  /** In UTC, such as `2031-05-04`. */
  day: z.iso.date(),
  /** Settled calls. */
  calls: z.int().nonnegative(),
  tokens: z.int().nonnegative(),
  usd: z.number().nonnegative(),
  /** What calls under way may take at most. */
  reservedTokens: z.int().nonnegative(),
  reservedUsd: z.number().nonnegative(),
  /** When the next day begins, in ms since 1970. */
  resetsAt: timeSchema,
  /** What may be spent. */
  budget: dayBudgetSchema,
});
export type DaySpending = z.infer<typeof daySpendingSchema>;
