import { z } from "zod";
import { acceptanceSchema, redSchema } from "./acceptance.ts";
import { jobActSchema } from "./audit.ts";
import { type Budget, budgetSchema } from "./budget.ts";
import { replaySchema } from "./cassette.ts";
import { CHECK_NAMES } from "./checks.ts";
import { criteriaSchema } from "./critic.ts";
import { lineCoverageSchema, usageSchema } from "./events.ts";
import { type Failure, failureSchema } from "./failure.ts";
import { JOB_IMAGES_MAX, jobImageSchema, submittedImageSchema } from "./job-images.ts";
import { submitterSchema } from "./landing-author.ts";
import { deliverySchema, LANDING_MODES, ticketSchema } from "./landing-modes.ts";
import { repositoryConfigSchema } from "./repository-config.ts";
import { continuesSchema } from "./revise.ts";
import { predictedConflictSchema, revisionSchema } from "./revisions.ts";
import { fallbacksSchema, handoverSchema, needsSchema, routeCandidateSchema, routingSchema } from "./routing.ts";
import { SANDBOX_KINDS } from "./sandbox-kind.ts";
import { branchSchema, fenceSchema, idSchema, nameSchema, oidSchema, sha256Schema, timeSchema } from "./scalars.ts";
import { JOB_STATES } from "./states.ts";
import { submittedTaskSpecSchema, TASK_KIND_NAMES, taskSpecSchema } from "./task-kinds.ts";
import { mcpServersSchema, PERMISSION_POLICIES } from "./turn-settings.ts";

/** Which jobs go first: all of a lane before any of the next. */
export const LANES = ["interactive", "normal", "background"] as const;
export type Lane = (typeof LANES)[number];

/** Longest task, in UTF-16 units. */
export const TASK_LIMIT_CHARACTERS = 100_000;

/** `task`: what a user asked for. `verify`: the gates on a merged tree, asked for by the integrator. */
export const JOB_KINDS = ["task", "verify"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export { type Budget, budgetSchema };

/** What a submitter sends. */
export const submitJobSchema = z.strictObject({
  repo: z.string().min(1).describe("Id or name of a registered repository."),
  task: z.string().min(1).max(TASK_LIMIT_CHARACTERS).describe("What the agent should do, in plain words."),
  title: z.string().max(200).optional().describe("Short title; the task's first line where it is missing."),
  taskKind: z.enum(TASK_KIND_NAMES).default("develop").describe("What the job is to bring about ([kinds](kinds.md))."),
  taskSpec: submittedTaskSpecSchema.default({}).describe("What only jobs of some kinds have."),
  backend: nameSchema.optional().describe("Backend, or `auto`; the repository's, then the installation's, where it is missing."),
  backendConfig: z.record(z.string(), z.unknown()).default({}).describe("Settings for the backend, checked against its manifest's schema."),
  needs: needsSchema.optional().describe("Capabilities that the backend must have; the repository's where they are missing."),
  fallbacks: fallbacksSchema
    .optional()
    .describe("Backends that take the job over, in this order, where the one before cannot go on; the repository's where they are missing."),
  permissions: z
    .enum(PERMISSION_POLICIES)
    .default("allow")
    .describe("What is answered where the agent asks before it does something: `edits` allows reading and changing files alone. For backends that ask."),
  mcpServers: mcpServersSchema.default({}).describe("MCP servers of the agent, by name. For backends with the capability `mcp`."),
  readOnly: z
    .boolean()
    .default(false)
    .describe("The agent looks and answers: it changes nothing, nothing lands, and the job ends with its answer. For backends with the capability `readOnly`."),
  images: z
    .array(submittedImageSchema)
    .max(JOB_IMAGES_MAX)
    .default([])
    .describe(
      "Images that the agent sees with the task, in this order; 20 MiB together. For backends with the capability `images` ([images](guides/images.md)).",
    ),
  allowChecks: z
    .array(z.enum(CHECK_NAMES))
    .max(CHECK_NAMES.length)
    .default([])
    .describe("Checks whose findings are told and refuse nothing: what the job is meant to do, such as deleting tests ([checks](checks.md))."),
  criteria: criteriaSchema
    .default([])
    .describe("What the change must do, each in one sentence: the agent is told, and a critic judges each by itself ([critic](critic.md))."),
  base: z.string().min(1).max(250).optional().describe("Branch or commit to start from; the repository's default branch where it is missing."),
  target: branchSchema
    .optional()
    .describe(
      "Branch to land on; a new branch `slipway/<slug>-<6 hex digits>` where it is missing. With `pr` and `branch`, the branch that the change is merged with and the pull request is for; the repository's default branch where it is missing.",
    ),
  landing: z
    .enum(LANDING_MODES)
    .optional()
    .describe("What becomes of the change ([landing](landing.md#modes)); the repository's `landing.mode`, else `train`, where it is missing."),
  ticket: ticketSchema.optional().describe("What the job is about in somebody's tracker, for the names of branches and pull requests."),
  submitter: submitterSchema
    .optional()
    .describe(
      "Who submits it, as their git names them, for `landing.author: submitter`. It is shown and put into commits, and never trusted for anything else.",
    ),
  lane: z.enum(LANES).optional().describe("Which jobs go first; the installation's default, else normal, where it is missing."),
  priority: z.int().min(-1_000).max(1_000).default(0).describe("Higher goes first within a lane."),
  runAfter: timeSchema.optional().describe("Not before this time, in ms since 1970."),
  dependsOn: z.array(idSchema).max(50).default([]).describe("Ids of jobs that must be done first."),
  dedupeKey: z.string().min(1).max(200).optional().describe("While a job with this key is active, the same job comes back."),
  requires: z.array(nameSchema).max(50).default([]).describe("Capabilities that a worker must have."),
  maxAttempts: z.int().min(1).max(20).optional().describe("Tries before it fails; the installation's default, else 3, where it is missing."),
  revisions: z
    .int()
    .min(0)
    .max(10)
    .optional()
    .describe(
      "How often its change may go back to the agent where it does not fit onto its target; `landing.revisions` of the target's `.slipway.yaml` where it is missing ([landing](landing.md#conflicts)).",
    ),
  budget: budgetSchema.optional().describe("What the job may spend on models; a limit that is missing is the repository's, else the installation's."),
  record: z
    .boolean()
    .optional()
    .describe(
      "Whether its model calls are kept, on a cassette for `slipway replay` ([cassettes](cassettes.md)); the installation's `jobs.record` where it is missing.",
    ),
  timeoutMs: z
    .int()
    .min(1_000)
    .max(86_400_000)
    .optional()
    .describe("For one attempt, all of it; the repository's, else the installation's, else 30 minutes, where it is missing."),
  stallMs: z
    .int()
    .min(100)
    .max(86_400_000)
    .optional()
    .describe(
      "An agent that says nothing and uses no processor for this long is stalled ([kinds](kinds.md#an-agent-that-stalls)); the repository's, else the installation's, else 5 minutes, where it is missing.",
    ),
  queueTimeoutMs: z
    .int()
    .min(1_000)
    .max(2_592_000_000)
    .optional()
    .describe(
      "A job that no worker has taken for this long fails, counted from when nothing but the workers holds it up; the installation's default, else a day.",
    ),
});
export type SubmitJob = z.infer<typeof submitJobSchema>;
export type SubmitJobInput = z.input<typeof submitJobSchema>;

export { type Failure, failureSchema };

/** The size of a change: files, and lines in and out. A binary file counts as a file only. */
export const diffStatSchema = z.object({ files: z.int().nonnegative(), insertions: z.int().nonnegative(), deletions: z.int().nonnegative() });
export type DiffStat = z.infer<typeof diffStatSchema>;

/** Proof that a gate ran on exactly this tree; made only by verify jobs, from an exit seen outside the sandbox. */
export const receiptSchema = z.object({
  tree: oidSchema,
  gate: nameSchema,
  command: z.string(),
  /** Digest of the setup's commands and inputs; the digest of nothing where there is no setup. */
  setupDigest: sha256Schema,
  /** `host` for the host's own files seen through bubblewrap, `none` where there was no sandbox; an image's digest in a container. */
  image: z.string().max(200),
  /** Digest of what else a gate saw of the machine: sandbox kind, image, platform, system release, class of user, Node's version, PATH. */
  environmentDigest: sha256Schema,
  exitCode: z.int(),
  outputDigest: sha256Schema,
  durationMs: z.number().nonnegative(),
  /** The failure's signature, where it failed and said something by which the failure can be told again. */
  failureDigest: sha256Schema.optional(),
  /** It failed first, and passed when it was run again on the same files. */
  flaky: z.boolean().optional(),
  /** Where the gate has a report of its coverage: what it told of the whole tree; no lines where it left none. */
  coverage: lineCoverageSchema.optional(),
  /** When it was stored, and the number of the verify job that made it: the server's to say. */
  at: timeSchema.optional(),
  job: z.int().positive().optional(),
  /** Whether it was made for the change of another job, with the very same tree. */
  reused: z.boolean().optional(),
});
export type Receipt = z.infer<typeof receiptSchema>;

/** A change of an attempt that was sent back to its agent. What the check `secrets` refused never leaves its worker, and is not among them. */
export const earlierChangeSchema = z.object({
  /** Place among the changes that the attempt made, from 1. */
  number: z.int().min(1).max(99),
  oid: oidSchema,
  /** Names of the checks that refused it; `critic` for critics. */
  refusedBy: z.array(nameSchema).max(50),
});
/** A change that was sent back. */
export type EarlierChange = z.infer<typeof earlierChangeSchema>;

/** One attempt of a job as the API shows it, the running one too. */
export const attemptViewSchema = z.object({
  fence: fenceSchema,
  workerId: z.string(),
  workerName: z.string(),
  /** Empty for attempts from before this was kept. */
  backend: z.string().default(""),
  /** What it ran in, from its claim to its end. */
  sandbox: z.enum(SANDBOX_KINDS),
  startedAt: timeSchema,
  endedAt: timeSchema.nullable(),
  /** `running`, or how it ended. */
  outcome: z.enum(["running", "change", "answer", "verified", "failed", "expired", "cancelled"]),
  failure: failureSchema.nullable(),
  /** For a failed one: the commit with what its agent had done, on the hub for as long as its ref is; null where nothing was kept. */
  keptOid: oidSchema.nullable(),
  /** Which of its changes that is, and why that one; null where it made no more than one. */
  keptWhy: z.string().nullable().default(null),
  /** What refused it; null where that is not known. */
  keptRed: z.array(redSchema).nullable().default(null),
  /** The commit that it ended with, where it ended with a change. */
  changeOid: oidSchema.nullable().default(null),
  /** Its changes before that which checks or critics sent back, as far as they are on the hub, oldest first. */
  earlier: z.array(earlierChangeSchema).default([]),
});

/** The artifact that holds the answer of a read-only job. */
export const ANSWER_ARTIFACT = "answer.md";

/** A job as the API shows it. */
export const jobViewSchema = z.object({
  id: idSchema,
  /** Counts up by one in an installation; what people type. */
  number: z.int().positive(),
  kind: z.enum(JOB_KINDS),
  state: z.enum(JOB_STATES),
  repo: z.object({ id: idSchema, name: z.string() }),
  task: z.string(),
  title: z.string(),
  backend: z.string(),
  backendConfig: z.record(z.string(), z.unknown()),
  permissions: z.enum(PERMISSION_POLICIES).default("allow"),
  mcpServers: mcpServersSchema.default({}),
  readOnly: z.boolean().default(false),
  /** Those that go with its task. Told of for ever; their bytes go with the job's artifacts. */
  images: z.array(jobImageSchema).default([]),
  allowChecks: z.array(z.enum(CHECK_NAMES)).default([]),
  criteria: criteriaSchema.default([]),
  /** What it is to bring about; `develop` for verify jobs, in which it means nothing. */
  taskKind: z.enum(TASK_KIND_NAMES).default("develop"),
  taskSpec: taskSpecSchema.default({}),
  /** How it came to its backend, and which ones follow; null where it named one alone. */
  routing: routingSchema.nullable().default(null),
  /** What the backend before left; null where the first one has it yet. */
  handover: handoverSchema.nullable().default(null),
  /** How often its change may go back to the agent; null where its target says it. */
  revisions: z.int().nullable().default(null),
  /** Why its newest change went back to the agent; null where none did. */
  revision: revisionSchema.nullable().default(null),
  /** Conflicts that its change is likely to meet, as of when that was last looked at. */
  predicted: z.array(predictedConflictSchema).default([]),
  /** The commit that the job starts from. */
  baseOid: oidSchema,
  /** Branch to land on. */
  target: z.string(),
  lane: z.enum(LANES),
  priority: z.int(),
  runAfter: timeSchema.nullable(),
  dependsOn: z.array(idSchema),
  dedupeKey: z.string().nullable(),
  requires: z.array(z.string()),
  maxAttempts: z.int(),
  budget: budgetSchema,
  timeoutMs: z.int(),
  stallMs: z.int(),
  queueTimeoutMs: z.int(),
  createdAt: timeSchema,
  updatedAt: timeSchema,
  endedAt: timeSchema.nullable(),
  /** When the server ends its present state at the latest; null where it waits for other jobs, which have times of their own, or is final. */
  dueAt: timeSchema.nullable(),
  /** Claims so far. */
  attempts: z.int().nonnegative(),
  /** Fence of the newest claim; 0 before the first. */
  fence: z.int().nonnegative(),
  leaseUntil: timeSchema.nullable(),
  workerId: z.string().nullable(),
  failure: failureSchema.nullable(),
  /** The job-scoped commit named by the finish of the newest attempt that named one; of a failed or blocked job, what was kept of its agent's work. */
  resultOid: oidSchema.nullable(),
  diffStat: diffStatSchema.nullable(),
  landedOid: oidSchema.nullable(),
  /** What the gateway counted, where the backend's model calls go through it; else what the agent said. */
  usage: usageSchema,
  /** Number of its newest event. */
  lastSeq: z.int().nonnegative(),
  retryOf: idSchema.nullable(),
  /** Whether its model calls are kept on a cassette. */
  record: z.boolean().default(false),
  /** Whose cassette answers its model calls; null where models do. */
  replay: replaySchema.nullable().default(null),
  /** What becomes of its change. */
  landing: z.enum(LANDING_MODES).default("train"),
  ticket: ticketSchema.nullable().default(null),
  /** Who submitted it, by their own word. */
  submitter: submitterSchema.nullable().default(null),
  /** The job whose branch this one revises, as its pull request asked for it; null for all others. */
  revises: idSchema.nullable().default(null),
  /** The job that this one goes on from, as a person commented on its change; null for all others. */
  continues: continuesSchema.nullable().default(null),
  /** Its branch and pull request outside of the hub; null where it has none yet, or never will. */
  delivery: deliverySchema.nullable().default(null),
  /** For a verify job: the completion that it serves. */
  completionId: idSchema.nullable(),
});
export type JobView = z.infer<typeof jobViewSchema>;

/** `pending`: waits for an integrator, or is with one. `landing`: its intent is written. The others are final. */
export const completionStateSchema = z.enum(["pending", "landing", "landed", "rejected", "cancelled"]);
/** A completion as the API shows it; `fence` is that of the newest claim by an integrator, 0 before the first. */
export const completionViewSchema = z.object({
  id: idSchema,
  jobId: idSchema,
  repoId: idSchema,
  /** The job's commit. */
  oid: oidSchema,
  baseOid: oidSchema,
  target: z.string(),
  state: completionStateSchema,
  fence: z.int().nonnegative(),
  mergedOid: oidSchema.nullable(),
  verifyJobId: idSchema.nullable(),
  landedOid: oidSchema.nullable(),
  /** The commit whose tree has the receipts: another than `landedOid` where it landed in a batch, whose last commit this is. */
  testedOid: oidSchema.nullable().default(null),
  /** Gates that were red on the tree that landed, and green when it was verified a second time. */
  flakyGates: z.array(z.string()).default([]),
  createdAt: timeSchema,
});
export type CompletionView = z.infer<typeof completionViewSchema>;

/** Everything about one job. */
export const jobDetailSchema = z.object({
  job: jobViewSchema,
  attempts: z.array(attemptViewSchema),
  receipts: z.array(receiptSchema),
  artifacts: z.array(z.object({ name: z.string(), bytes: z.int(), sha256: sha256Schema, fence: fenceSchema, at: timeSchema.optional() })),
  completion: completionViewSchema.nullable(),
  /** Who submitted, retried and cancelled it, oldest first, as long as the audit keeps that. */
  acts: z.array(jobActSchema),
  /** How it came about, where it lands work that a person accepted. */
  acceptance: acceptanceSchema.nullable().default(null),
  /** The jobs by which its own work was accepted, oldest first. */
  acceptedAs: z.array(z.object({ number: z.int().positive(), state: z.enum(JOB_STATES) })).default([]),
});
export type JobDetail = z.infer<typeof jobDetailSchema>;

/** The newest commit with work of the job's agent, landed or not; null where there is none. */
export function workOf({ job, attempts }: Pick<JobDetail, "job" | "attempts">): string | null {
  return job.resultOid ?? attempts.findLast(({ keptOid }) => keptOid !== null)?.keptOid ?? null;
}

/**
 * What a verify job runs; resolved by the server from the target's own `.slipway.yaml`. `baseOid`: the commit that was merged onto, which the gates are held
 * against; where `baseFrom` is `jobs` it is a merge that has not landed yet, and which only the store of the jobs has.
 */
export const verifySpecSchema = z.object({
  completionId: idSchema,
  mergedOid: oidSchema,
  tree: oidSchema,
  config: repositoryConfigSchema,
  baseOid: oidSchema.optional(),
  baseFrom: z.enum(["upstream", "jobs"]).optional(),
});
export type VerifySpec = z.infer<typeof verifySpecSchema>;

/** Why a job is where it is. */
export const explanationSchema = z.object({
  state: z.enum(JOB_STATES),
  /** Who has to act: `worker`, `integrator`, `you`, `nobody` … */
  owner: z.string(),
  /** When somebody acts on it at the latest, the server if nobody else; null where the job is final. */
  deadline: timeSchema.nullable(),
  reason: z.string(),
  /** What would unblock it, in one sentence. */
  unblock: z.string(),
  /** How it came to its backend: each that was thought of, and why it was taken or not. Empty where the job named one alone. */
  candidates: z.array(routeCandidateSchema).default([]),
});
export type Explanation = z.infer<typeof explanationSchema>;
