import { z } from "zod";

const budgetLimit = (unit: z.ZodType<number>, what: string) => unit.optional().describe(what);

/** What a job may spend on models, counted by the gateway. Tokens are those in (cached ones included) and out. What is not named is not bounded. */
export const budgetSchema = z.strictObject({
  tokens: budgetLimit(z.int().positive(), "Tokens of the whole job, all attempts together."),
  usd: budgetLimit(z.number().positive(), "US dollars of the whole job, all attempts together."),
  attemptTokens: budgetLimit(z.int().positive(), "Tokens of one attempt."),
  attemptUsd: budgetLimit(z.number().positive(), "US dollars of one attempt."),
});
export type Budget = z.infer<typeof budgetSchema>;
