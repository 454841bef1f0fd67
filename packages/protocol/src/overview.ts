import { z } from "zod";
import { daySpendingSchema } from "./budget.ts";
import { ERROR_CODES } from "./errors.ts";
import { PHASES } from "./events.ts";
import { diffStatSchema, JOB_KINDS, LANES } from "./job.ts";
import { circuitSchema } from "./routing.ts";
import { fenceSchema, idSchema, oidSchema, timeSchema } from "./scalars.ts";
import { frozenTargetSchema, trainCarSchema } from "./train.ts";
import { cordonSchema } from "./worker-api.ts";

/** The whole installation at a glance, in one answer. Lists are cut at `OVERVIEW_LIMITS`; counts are not. */

/** How much of each list the overview tells. */
export const OVERVIEW_LIMITS = { blocked: 20, running: 200, groups: 12, landed: 12, cars: 200 } as const;

const repoSchema = z.object({ id: idSchema, name: z.string() });
const jobNameSchema = z.object({ id: idSchema, number: z.int().positive(), title: z.string() });

/** Why queued jobs are not taken, as far as many have it in common. */
export const WAITING_CAUSES = ["jobs", "time", "repository", "worker"] as const;

/** A blocked job: a person has to act. */
export const blockedJobSchema = jobNameSchema.extend({
  repo: repoSchema,
  code: z.enum(ERROR_CODES).nullable(),
  reason: z.string(),
  /** What would unblock it, as `slipway explain` says it. */
  unblock: z.string(),
  since: timeSchema,
  /** When it fails, where nobody acts. */
  deadline: timeSchema.nullable(),
});

/** A job at work. */
export const runningJobSchema = jobNameSchema.extend({
  kind: z.enum(JOB_KINDS),
  repo: repoSchema,
  backend: z.string(),
  lane: z.enum(LANES),
  workerId: idSchema,
  fence: fenceSchema,
  attempts: z.int(),
  maxAttempts: z.int(),
  /** When its attempt began. */
  since: timeSchema,
  /** The phase that it is in, and since when by the worker's clock; null before the first. */
  phase: z.object({ name: z.enum(PHASES), at: timeSchema, isOver: z.boolean() }).nullable(),
  /** Tokens in and out, and US dollars, of the whole job so far. */
  tokens: z.int().nonnegative(),
  costUsd: z.number().nonnegative(),
  /** When the server ends it at the latest. */
  deadline: timeSchema.nullable(),
});
export type RunningJob = z.infer<typeof runningJobSchema>;

/** Queued jobs that wait for the same. `reason`, `unblock`, `owner` and `deadline` are those of the first of them, as `slipway explain` says them. */
export const waitingGroupSchema = z.object({
  cause: z.enum(WAITING_CAUSES),
  /** How many wait for it. */
  jobs: z.int().positive(),
  kind: z.enum(JOB_KINDS),
  /** What they have in common; null where that differs. */
  repo: repoSchema.nullable(),
  backend: z.string().nullable(),
  /** The one whose turn comes first. */
  first: jobNameSchema,
  /** When that was submitted. */
  since: timeSchema,
  owner: z.string(),
  deadline: timeSchema.nullable(),
  reason: z.string(),
  unblock: z.string(),
});
export type WaitingGroup = z.infer<typeof waitingGroupSchema>;

/** A worker as the overview tells it. */
export const overviewWorkerSchema = z.object({
  id: idSchema,
  name: z.string(),
  slots: z.int(),
  verifySlots: z.int(),
  connected: z.boolean(),
  draining: z.boolean(),
  cordon: cordonSchema.nullable(),
  held: z.string().nullable(),
  lastSeenAt: timeSchema,
});

/** `GET /v1/overview`. Today began at 00:00 UTC. */
export const overviewSchema = z.object({
  /** The server's time. */
  at: timeSchema,
  today: timeSchema,
  /** Tasks by state; of final ones those that ended today. */
  counts: z.object({
    queued: z.int(),
    running: z.int(),
    integrating: z.int(),
    blocked: z.int(),
    done: z.int(),
    failed: z.int(),
    cancelled: z.int(),
  }),
  /** The one that was blocked first stands first. */
  blocked: z.array(blockedJobSchema),
  running: z.array(runningJobSchema),
  workers: z.array(overviewWorkerSchema),
  waiting: z.object({
    /** Queued jobs, verify jobs too. */
    jobs: z.int(),
    /** Queued tasks by lane. */
    lanes: z.object({ interactive: z.int(), normal: z.int(), background: z.int() }),
    /** The largest first. */
    groups: z.array(waitingGroupSchema),
    /** Jobs of further groups. */
    others: z.int(),
  }),
  trains: z.array(z.object({ repo: repoSchema, target: z.string(), frozen: frozenTargetSchema.nullable(), cars: z.array(trainCarSchema) })),
  /** What reached its branch, or went to its repository's address, today; newest first. */
  landed: z.object({
    jobs: z.int(),
    newest: z.array(
      jobNameSchema.extend({
        repo: repoSchema,
        target: z.string(),
        at: timeSchema,
        /** Null where it went to a branch or pull request. */
        landedOid: oidSchema.nullable(),
        pullRequest: z.object({ number: z.int(), url: z.string() }).nullable(),
        diffStat: diffStatSchema.nullable(),
      }),
    ),
  }),
  /** Tasks that failed today by their code, the most frequent first; `newest` is the number of the last one. */
  failures: z.array(z.object({ code: z.enum(ERROR_CODES), jobs: z.int().positive(), newest: z.int().positive() })),
  spending: daySpendingSchema,
  circuits: z.array(circuitSchema),
});
/** The whole installation at a glance. */
export type Overview = z.infer<typeof overviewSchema>;
