import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import { fenceSchema, oidSchema, timeSchema } from "./scalars.ts";

/** A change that did not fit onto its target goes back to the agent that made it, a bounded number of times: what that turn is about. */

/** How often that may happen to a job, where its repository says nothing. */
export const REVISIONS_DEFAULT = 2;

/** `landing.revisions` of `.slipway.yaml`. */
export const revisionsSchema = z
  .int()
  .min(0)
  .max(10)
  .default(REVISIONS_DEFAULT)
  .describe(
    "How often a change that conflicts with its target, or turns a gate red when it is merged, goes back to its agent; 0 fails the job at once ([landing.md](landing.md#conflicts)).",
  );

/** Of a conflict so many paths, of the other side so many commits, and of gates so many are told: a record goes with every view of its job. */
export const REVISION_LIMITS = { paths: 100, others: 20, gates: 5, textCharacters: 500, excerptCharacters: 4_000 } as const;

/** Something that landed on the target after the change had been made. */
export const landedMeanwhileSchema = z.object({
  oid: oidSchema,
  /** The first line of its message. */
  subject: z.string().max(REVISION_LIMITS.textCharacters),
  /** Number, title and task of the job behind it; null for a commit of somebody else. */
  job: z
    .object({
      number: z.int().positive(),
      title: z.string().max(REVISION_LIMITS.textCharacters),
      task: z.string().max(REVISION_LIMITS.textCharacters),
    })
    .nullable(),
});
/** What landed meanwhile. */
export type LandedMeanwhile = z.infer<typeof landedMeanwhileSchema>;

/** A gate that is red on the merged tree. */
export const redOnMergeSchema = z.object({
  name: z.string().max(200),
  command: z.string().max(REVISION_LIMITS.textCharacters),
  /** Null where it did not run. */
  exitCode: z.int().nullable(),
  durationMs: z.number().nonnegative(),
  /** The end of what it said. */
  excerpt: z.string().max(REVISION_LIMITS.excerptCharacters),
  /** Whether the target has the same failure without the change. */
  redBefore: z.boolean(),
  /** What it ran on, and the digest of its whole output, which the receipt of the verify job has; null where it did not run. */
  receipt: z.object({ tree: oidSchema, outputDigest: z.string().max(100) }).nullable(),
});
/** A gate that is red on the merged tree. */
export type RedOnMerge = z.infer<typeof redOnMergeSchema>;

/** Why a job goes back to its agent, and what that turn starts from. */
export const revisionSchema = z.object({
  /** From 1. */
  number: z.int().positive(),
  /** How many there may be. */
  of: z.int().positive(),
  /** `conflict`: git could not merge it. `gates`: it merged, and gates that passed before are red. */
  cause: z.enum(["conflict", "gates"]),
  code: z.enum(ERROR_CODES),
  /** Why it was rejected, as the job would have failed with it. */
  message: z.string().max(20_000),
  at: timeSchema,
  target: z.string(),
  /** The target's commit, which the job's base is from now on. */
  targetOid: oidSchema,
  /** The change that was rejected: its commit, what it was made on, and the attempt that made it. */
  workOid: oidSchema,
  baseOid: oidSchema,
  fence: fenceSchema,
  /** In git's order: those that conflict; empty where none does. */
  paths: z.array(z.string().max(4_096)).max(REVISION_LIMITS.paths),
  /** Newest first. Of a conflict those that touched its paths. */
  others: z.array(landedMeanwhileSchema).max(REVISION_LIMITS.others),
  /** The verify job that saw the gates; null for a conflict. */
  verifyJob: z.int().positive().nullable(),
  gates: z.array(redOnMergeSchema).max(REVISION_LIMITS.gates),
});
/** Why a job goes back to its agent. */
export type Revision = z.infer<typeof revisionSchema>;

/** A conflict that is foreseen: nothing was rejected yet, and it may never come to it. */
export const predictedConflictSchema = z.object({
  /** Number of the job that it is with; null where it is with what the target has. */
  job: z.int().positive().nullable(),
  target: z.string(),
  paths: z.array(z.string().max(4_096)).max(REVISION_LIMITS.paths),
});
/** A conflict that is foreseen. */
export type PredictedConflict = z.infer<typeof predictedConflictSchema>;

/** Such as `src/a.ts, src/b.ts and 3 more`. */
export function pathsText(paths: readonly string[], shown = 3): string {
  const rest = paths.length - shown;
  return `${paths.slice(0, shown).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

/** A revision in one line, such as `revision 1 of 2: conflicts with job 12 in src/a.ts`. */
export function revisionText({ number, of, cause, target, paths, others, gates }: Revision): string {
  const jobs = [...new Set(others.flatMap(({ job }) => (job === null ? [] : [`job ${job.number}`])))];
  const whom = jobs.length === 0 ? `what landed on ${target}` : pathsText(jobs);
  if (cause === "conflict") return `revision ${number} of ${of}: conflicts with ${whom} in ${pathsText(paths)}`;
  const names = gates.map(({ name }) => name).join(", ");
  return `revision ${number} of ${of}: merged with ${whom}, ${names} ${gates.length === 1 ? "fails" : "fail"}`;
}

/** A foreseen conflict in words, such as `conflicts with job 12 in src/a.ts`. */
export function predictedText({ job, target, paths }: PredictedConflict): string {
  return `${job === null ? `conflicts with what ${target} has now` : `conflicts with job ${job}, which goes to ${target} too,`} in ${pathsText(paths)}`;
}
