import { z } from "zod";
import { ROLES } from "./accounts.ts";
import { idSchema, timeSchema } from "./scalars.ts";

/** Endpoints by which people change something: every call of one is kept, refused ones with their code. */
export const AUDITED_ENDPOINTS = [
  "submitJob",
  "cancelJob",
  "retryJob",
  "replayJob",
  "steerJob",
  "acceptJob",
  "reviseJob",
  "syncPullRequest",
  "closePullRequest",
  "createRepository",
  "updateRepository",
  "syncBranch",
  "syncRepository",
  "resolveUpstream",
  "drainWorker",
  "cordonWorker",
  "uncordonWorker",
  "resetBackend",
  "clearFlakes",
  "freezeTrain",
  "resumeTrain",
  "createToken",
  "revokeToken",
  "createSession",
  "testNotifications",
] as const;
export type AuditedEndpoint = (typeof AUDITED_ENDPOINTS)[number];

/** What an audited call was about. */
export const AUDIT_OBJECTS = ["job", "repository", "worker", "token", "backend"] as const;
export type AuditObjectKind = (typeof AUDIT_OBJECTS)[number];

/**
 * One row of the audit. A row of a refused call (FORBIDDEN, UNAUTHENTICATED) may stand for many of the same hour; `count` says how many. Nothing of a
 * call's body is kept.
 */
export const auditEntrySchema = z.object({
  seq: z.int(),
  /** The database's time; of several calls, the first one's. */
  at: timeSchema,
  lastAt: timeSchema,
  count: z.int(),
  /** The endpoint's name; `others` where the rest of an hour's refused calls are counted together. */
  action: z.string(),
  /** The token as it was then; null where a call had none that is known. */
  token: z.object({ id: idSchema, name: z.string(), role: z.enum(ROLES) }).nullable(),
  /** IP address that the call came from; null for `others`. */
  address: z.string().nullable(),
  /** Id and name as they were then, a job's name being its number; of what was not found, only the id or name that the caller gave, as both. */
  object: z.object({ kind: z.enum(AUDIT_OBJECTS), id: z.string(), name: z.string() }).nullable(),
  /** Number of the job that a retry, a replay, a revision or the acceptance of another one made. */
  madeJob: z.int().nullable(),
  /** `ok`, `unchanged` where there was nothing to do, or the code of the error that the caller got. */
  outcome: z.string(),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

/** What somebody did with a job, as everyone who may read the job sees it. */
export const jobActSchema = z.object({
  at: timeSchema,
  action: z.enum(["submitJob", "cancelJob", "retryJob", "replayJob", "steerJob", "acceptJob", "reviseJob", "syncPullRequest", "closePullRequest"]),
  /** Name and role of the token. */
  by: z.object({ name: z.string(), role: z.enum(ROLES) }),
  /** Number of the job that it was done with: this one, or the one that this one is a new try or a replay of. */
  job: z.int(),
  /** Number of the new job that a retry, a replay, a revision or an acceptance made; null for all else. */
  madeJob: z.int().nullable(),
});
export type JobAct = z.infer<typeof jobActSchema>;
