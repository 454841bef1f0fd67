import { z } from "zod";
import { redSchema } from "./acceptance.ts";
import { appendableEventSchema } from "./events.ts";
import { diffStatSchema, earlierChangeSchema, failureSchema, JOB_KINDS, jobViewSchema, receiptSchema, verifySpecSchema } from "./job.ts";
import { brokenBackendSchema, manifestSchema } from "./manifest.ts";
import { SANDBOX_KINDS } from "./sandbox-kind.ts";
import { fenceSchema, idSchema, nameSchema, oidSchema, timeSchema } from "./scalars.ts";

/** Messages between a worker and the server. Every write of an attempt names job and fence, and is refused with LEASE_LOST when stale. */

/** How long a lease lasts without a renewal, in ms. */
export const LEASE_TTL_MS = 10_000;
/** How often a worker renews, in ms: two renewals may fail before the lease ends. */
export const LEASE_RENEW_MS = 3_000;

/** What a worker says of itself at every start, and to a server that does not know it; it replaces what it said before. */
export const registerWorkerSchema = z.strictObject({
  /** Kept by the worker across restarts. */
  workerId: idSchema,
  name: z.string().min(1).max(100),
  /** Slots for task jobs; verify jobs have their own. */
  slots: z.int().min(1).max(256),
  verifySlots: z.int().min(1).max(256),
  /** `backend:script`, `sandbox:bwrap`, `os:linux`, `arch:x64`, `environment:…` (the first half of the digest that its receipts carry) … */
  capabilities: z.array(nameSchema),
  backends: z.array(manifestSchema),
  sandbox: z.enum(SANDBOX_KINDS),
  version: z.string(),
});
export type RegisterWorker = z.infer<typeof registerWorkerSchema>;

/** The answer to a registration; times in ms. */
export const registeredWorkerSchema = z.object({
  installationId: idSchema,
  leaseTtlMs: z.int(),
  leaseRenewMs: z.int(),
  /** Live leases that the server still counts as this worker's, taken with the sandbox that it has now: re-attach or give back. */
  live: z.array(z.object({ jobId: idSchema, fence: fenceSchema })),
});
export type RegisteredWorker = z.infer<typeof registeredWorkerSchema>;

/** Asks for the next job that this worker can do. NOT_FOUND for a worker that is not registered. */
export const claimRequestSchema = z.strictObject({
  /** Made by the worker for each request; the same id reads the same claim again. */
  claimId: idSchema,
  workerId: idSchema,
  kinds: z.array(z.enum(JOB_KINDS)).min(1),
  /** How long the server may hold the request, in ms; 0 answers at once. */
  waitMs: z.int().min(0).max(60_000).default(30_000),
});
export type ClaimRequest = z.infer<typeof claimRequestSchema>;

/** How to reach the hub for one attempt. */
export const hubAccessSchema = z.object({
  /** URL of the bare repository that agents may borrow objects from. */
  upstreamUrl: z.string(),
  /** URL of the bare repository that takes job commits. */
  jobsUrl: z.string(),
  /** Password for HTTP Basic, any user name; good for this attempt only: fetch, and push to `pushRef`. */
  credential: z.string(),
  pushRef: z.string(),
  /** Folder of the two stores on the server's machine; usable only where the file `installation` in it holds `installationId`. */
  localPath: z.string(),
  installationId: idSchema,
});
export type HubAccess = z.infer<typeof hubAccessSchema>;

/** A job under a lease, with all that its attempt needs. */
export const claimSchema = z.object({
  job: jobViewSchema,
  fence: fenceSchema,
  claimId: idSchema,
  /** Milliseconds left on the lease when the answer was made. */
  ttlMs: z.int(),
  hub: hubAccessSchema,
  /** For the gateway: a token that is good for this attempt only. Null for verify jobs, in which no agent takes part. */
  model: z.object({ token: z.string() }).nullable(),
  /** Set for verify jobs. */
  verify: verifySpecSchema.nullable(),
});
export type Claim = z.infer<typeof claimSchema>;

/** Null where there was nothing to do in time, or the worker drains. */
export const claimResponseSchema = z.object({ claim: claimSchema.nullable() });

/** How long the lease lasts from now, in ms. */
export const renewResponseSchema = z.object({ ttlMs: z.int() });

/** From which commits a worker may make what other jobs share. */
export const protectedCommitsSchema = z.object({
  /** Whether the job's base is one of them: the default branch has it, or, where the repository has no address of its own, a person pushed it. */
  base: z.boolean(),
  /** The default branch as it is on the hub and at the repository's address, none, one or both. */
  tips: z.array(oidSchema),
});
export type ProtectedCommits = z.infer<typeof protectedCommitsSchema>;

/** Events of an attempt, numbered by the worker from 1 without gaps. LEASE_LOST where the attempt is over. */
export const appendEventsSchema = z.strictObject({
  /** In the order of `ordinal`; what the server already has is skipped. */
  events: z
    .array(z.object({ ordinal: z.int().positive(), at: timeSchema, event: appendableEventSchema }))
    .min(1)
    .max(2_000),
});
export type AppendEvents = z.infer<typeof appendEventsSchema>;
/** What the worker may drop from its spool. */
export const appendEventsResponseSchema = z.object({
  /** Everything up to here is stored. */
  ackOrdinal: z.int().nonnegative(),
});

/** What the agent of a failed attempt had done so far: a commit under the attempt's own ref, which nobody verified and which never lands. */
export const keptWorkSchema = z.object({
  oid: oidSchema,
  diffStat: diffStatSchema,
  /** Which of the attempt's commits it is and why that one, where it made more than one. */
  why: z.string().max(500).optional(),
  /** What refused it; missing where that is not known, as nothing could judge it. */
  red: z.array(redSchema).max(100).optional(),
});
export type KeptWork = z.infer<typeof keptWorkSchema>;

/** Changes that were sent back, each on the hub under `refs/slipway/jobs/<job>/changes/<fence>/<number>`. */
const earlierChangesSchema = z.array(earlierChangeSchema).max(20).optional();

/** How an attempt ended, as the worker reports it. */
export const outcomeSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("change"), oid: oidSchema, diffStat: diffStatSchema, earlier: earlierChangesSchema }),
  /** Of a read-only job; what the agent answered is in the attempt's artifact. */
  z.object({ kind: z.literal("answer") }),
  z.object({ kind: z.literal("verified"), receipts: z.array(receiptSchema) }),
  z.object({
    kind: z.literal("failed"),
    failure: failureSchema,
    retryAfterMs: z.int().nonnegative().optional(),
    kept: keptWorkSchema.optional(),
    earlier: earlierChangesSchema,
  }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

/** Ends the attempt; the same outcome again answers as before. LEASE_LOST where it is over, COMMIT_INVALID where the commit is not on the hub. */
export const finishSchema = z.strictObject({ outcome: outcomeSchema });
/** The job after the attempt: integrating, done, queued, failed or blocked. */
export const finishResponseSchema = z.object({ job: jobViewSchema });

/** What the server tells a connected worker, over its signal WebSocket. */
export const workerSignalSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("revoked"), jobId: idSchema, fence: fenceSchema, reason: z.enum(["cancelled", "expired"]) }),
  /** No further model call of the attempt can succeed: its agent is ended, and the attempt with this failure. */
  z.object({ type: z.literal("stop"), jobId: idSchema, fence: fenceSchema, failure: failureSchema }),
  /** A message to the agent of the attempt's turn; it may come twice, with the same id. */
  z.object({ type: z.literal("steer"), jobId: idSchema, fence: fenceSchema, messageId: idSchema, text: z.string() }),
  z.object({ type: z.literal("drain") }),
]);
export type WorkerSignal = z.infer<typeof workerSignalSchema>;

/** Why a connected worker claims nothing for now, such as want of disk or memory; null: it claims again. */
export const holdWorkerSchema = z.strictObject({ reason: z.string().min(1).max(500).nullable() });

/** What jobs of one backend run in on a worker with images. */
export const workerImageSchema = z.object({
  backend: nameSchema,
  /** As a person names it, such as `slipway/codex:0.1.0`. */
  image: z.string().max(300),
  /** The engine's own id of it. */
  imageId: z.string().max(300),
  /** What the backend's probe says inside of the image; null where it was not asked yet, or its code is not in there. */
  agent: z.object({ ok: z.boolean(), found: z.string().max(500) }).nullable(),
});
/** One of a worker's images. */
export type WorkerImage = z.infer<typeof workerImageSchema>;

/** Whether the agent of a backend is where the jobs of a worker run. */
export const workerAgentSchema = z.object({
  backend: nameSchema,
  ok: z.boolean(),
  /** The agent's release; null where it told none. */
  version: z.string().max(100).nullable(),
  /** What the backend's probe found, in words for people. */
  found: z.string().max(500),
  /** What to type where it is not ok; null where the probe does not say. */
  remedy: z.string().max(1_000).nullable(),
});
/** One of a worker's agents. */
export type WorkerAgent = z.infer<typeof workerAgentSchema>;

/** What a connected worker says of how it is; each report replaces the one before. */
export const workerReportSchema = z.strictObject({
  /** One a backend; none where the sandboxes have no images. */
  images: z.array(workerImageSchema).max(200),
  /** What does not work and stops no job, such as an image that nothing can be started ahead of, each with its reason. */
  warnings: z.array(z.string().min(1).max(1_000)).max(50),
  /** Backends that are installed there and cannot be loaded. */
  brokenBackends: z.array(brokenBackendSchema).max(100).default([]),
  /** What the probes of its backends found. Of one that is missing nothing is known, such as while it is being asked: jobs are then tried. */
  agents: z.array(workerAgentSchema).max(200).default([]),
});
/** What a worker last said of itself. */
export type WorkerReport = z.infer<typeof workerReportSchema>;

/** Has a worker claim nothing until that is taken back; the reason is shown to everybody who waits. */
export const cordonWorkerSchema = z.strictObject({
  reason: z.string().trim().min(1).max(500).optional().describe("Why, for everybody who waits."),
});
/** Who has a worker claim nothing for now, since when and why. */
export const cordonSchema = z.object({
  at: timeSchema,
  /** Name of the token. */
  by: z.string(),
  reason: z.string().nullable(),
});
/** Why a worker claims nothing for now, by a person's word. */
export type Cordon = z.infer<typeof cordonSchema>;

/** A worker as the API shows it, with the attempts that it has now. */
export const workerViewSchema = z.object({
  id: idSchema,
  name: z.string(),
  slots: z.int(),
  /** Verify jobs at once, beside the slots. */
  verifySlots: z.int().default(0),
  sandbox: z.enum(SANDBOX_KINDS),
  capabilities: z.array(z.string()),
  backends: z.array(manifestSchema),
  version: z.string(),
  /** Whether its signal connection is open. */
  connected: z.boolean(),
  draining: z.boolean(),
  /** It claims nothing until a person takes that back, over restarts too; what it runs it goes on with. Null where it is not so. */
  cordon: cordonSchema.nullable().default(null),
  /** Why it claims nothing for now; null where it does, and where it is not connected. */
  held: z.string().nullable(),
  /** What its jobs run in, as it last said; none where it is not connected. */
  images: z.array(workerImageSchema),
  /** What does not work on it and stops no job; none where it is not connected. */
  warnings: z.array(z.string()),
  /** Backends that are installed on it and cannot be loaded, with why; none where it is not connected. */
  brokenBackends: z.array(brokenBackendSchema).default([]),
  /** Which agents are there for its jobs, as it last said; none where it is not connected, or has not asked yet. */
  agents: z.array(workerAgentSchema).default([]),
  registeredAt: timeSchema,
  lastSeenAt: timeSchema,
  running: z.array(z.object({ jobId: idSchema, number: z.int(), fence: fenceSchema })),
});
export type WorkerView = z.infer<typeof workerViewSchema>;
