import { z } from "zod";
import { ROLES } from "./accounts.ts";
import { fenceSchema, idSchema, nameSchema, oidSchema, timeSchema } from "./scalars.ts";

/** What a person accepts though something refused it, and the record of that act. */

/** Findings that are kept of one judge. */
export const RED_FINDINGS_MAX = 20;
/** UTF-16 units that are kept of one finding. */
export const RED_FINDING_CHARACTERS = 1_000;

/** What refused a change: a gate that was red, a check, or the critic, with what it found. */
export const redSchema = z.object({
  by: z.enum(["gate", "check", "critic"]),
  name: nameSchema,
  findings: z.array(z.string().max(RED_FINDING_CHARACTERS)).max(RED_FINDINGS_MAX),
});
/** One judge that said no. */
export type Red = z.infer<typeof redSchema>;

/** Checks whose findings nobody accepts without naming them. */
export const NAMED_CHECKS = ["secrets"] as const;

/** What a person sends who accepts the kept work of a failed job. */
export const acceptJobSchema = z.strictObject({
  reason: z.string().trim().min(1).max(1_000).optional().describe("Why; kept with the job and in the commit."),
  oid: oidSchema.optional().describe("The commit that was looked at; CONFLICT where the job's kept work is another one."),
  including: z
    .array(z.enum(NAMED_CHECKS))
    .max(NAMED_CHECKS.length)
    .default([])
    .describe("Checks whose findings are accepted too; without `secrets`, work that the check `secrets` refused is not accepted."),
});

/** The record of an accepted job: it stays as long as the job. */
export const acceptanceSchema = z.object({
  /** The failed job whose work it is. */
  jobId: idSchema,
  number: z.int().positive(),
  /** The attempt that left the work; null where it is the change of a job that was accepted itself. */
  fence: fenceSchema.nullable(),
  /** The commit as the agent left it; what lands is the same tree with trailers of the act. */
  oid: oidSchema,
  at: timeSchema,
  by: z.object({ name: z.string(), role: z.enum(ROLES) }),
  reason: z.string().nullable(),
  /** What was red at that time. Its gates need a receipt like all others, and it may be a red one. */
  red: z.array(redSchema),
});
/** Who accepted what, when, why, and what was red. */
export type Acceptance = z.infer<typeof acceptanceSchema>;

/** Such as `gate test, check tests`. */
export function redText(red: readonly Pick<Red, "by" | "name">[]): string {
  return red.length === 0 ? "nothing" : red.map(({ by, name }) => (by === name ? name : `${by} ${name}`)).join(", ");
}
