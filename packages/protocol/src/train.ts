import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import { completionStateSchema } from "./job.ts";
import { branchSchema, idSchema, timeSchema } from "./scalars.ts";

/** The train of one target: the changes that are integrated at the same time, each merged onto the one before it. */

/** Which trains of a repository to show. */
export const trainQuerySchema = z.object({
  /** Of this branch alone. */
  target: branchSchema.optional(),
});

/** Why nothing lands on a target until a person resumes it. */
export const frozenTargetSchema = z.object({
  target: z.string(),
  /** LANDING_UNSAFE where an invariant did not hold, TRAIN_FROZEN where a person froze it. */
  code: z.enum(ERROR_CODES),
  reason: z.string(),
  /** Name of the token of the person who froze it; null where the server did, because an invariant did not hold. */
  by: z.string().nullable(),
  at: timeSchema,
});
export type FrozenTarget = z.infer<typeof frozenTargetSchema>;

/** So many changes of its lane and priority a change lets pass that is foreseen to conflict with one ahead of it; then it is let in by its age. */
export const PASSED_LIMIT = 8;

/** A change on its way to a target. */
export const trainCarSchema = z.object({
  job: z.int(),
  jobId: idSchema,
  title: z.string(),
  completion: idSchema,
  state: completionStateSchema,
  /** Where it was put into the train; null while it waits to be let in. */
  place: z.int().nullable(),
  /** Number of the job that verifies its merged tree now, or did last. */
  verifyJob: z.int().nullable(),
  since: timeSchema,
  /** Jobs ahead of it that it is foreseen to conflict with, while it waits and lets others pass because of them. */
  conflictsWith: z.array(z.int()).default([]),
  /** How many have passed it, of at most `PASSED_LIMIT`. */
  passed: z.int().default(0),
  /** The job whose merged tree is verified for this one too; null where it is verified on its own, or is that job. */
  batch: z.int().nullable().default(null),
  /** How often a batch that it was in was red and was split. */
  bisects: z.int().default(0),
});
export type TrainCar = z.infer<typeof trainCarSchema>;

/** What is on its way to one target, in the order in which it lands where all goes well. */
export const trainViewSchema = z.object({ target: z.string(), frozen: frozenTargetSchema.nullable(), cars: z.array(trainCarSchema) });
export type TrainView = z.infer<typeof trainViewSchema>;

/** Has nothing land on a target until it is resumed; the reason is shown to everybody who waits. */
export const freezeTrainSchema = z.strictObject({
  target: branchSchema.describe("The branch."),
  reason: z.string().trim().min(1).max(500).describe("Why, for everybody who waits."),
});
/** Lets changes land on a target again; without a target, on all of the repository's. */
export const resumeTrainSchema = z.strictObject({ target: branchSchema.optional().describe("The branch; all that are frozen where it is missing.") });
