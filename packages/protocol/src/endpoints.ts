import { z } from "zod";
import { acceptanceSchema, acceptJobSchema } from "./acceptance.ts";
import { createdTokenSchema, createTokenSchema, ROLES, tokenViewSchema } from "./accounts.ts";
import { AUDITED_ENDPOINTS, auditEntrySchema } from "./audit.ts";
import { backendViewSchema } from "./backend-view.ts";
import { baselinesResponseSchema, flakeViewSchema, gateBaselineSchema, gateFlakeSchema } from "./baseline.ts";
import { daySpendingSchema } from "./budget.ts";
import { askedCriticSchema, criticOpinionSchema, keepOpinionSchema } from "./critic.ts";
import { effectiveConfigSchema } from "./effective-config.ts";
import type { Endpoint } from "./endpoint.ts";
import { ERROR_CODES } from "./errors.ts";
import { jobEventSchema } from "./events.ts";
import { artifactViewSchema } from "./evidence.ts";
import { attemptModelSchema } from "./gateway-api.ts";
import { GATEWAY_ENDPOINTS } from "./gateway-endpoints.ts";
import {
  claimCompletionResponseSchema,
  claimCompletionSchema,
  landRequestSchema,
  landResponseSchema,
  rejectRequestSchema,
  verifyRequestSchema,
  verifyResponseSchema,
} from "./integrator-api.ts";
import { explanationSchema, JOB_KINDS, jobDetailSchema, jobViewSchema, LANES, submitJobSchema } from "./job.ts";
import { notificationStatusSchema, testedNotificationSchema, testNotificationsSchema } from "./notifications.ts";
import { overviewSchema } from "./overview.ts";
import { jobPreviewSchema } from "./preview.ts";
import { branchViewSchema, createRepositorySchema, repositoryViewSchema, syncBranchSchema, updateRepositorySchema } from "./repository.ts";
import { changeIdSchema, reviseJobSchema } from "./revise.ts";
import { circuitSchema } from "./routing.ts";
import { fenceSchema, idSchema, jobReferenceSchema, nameSchema, oidSchema, timeSchema } from "./scalars.ts";
import { scorecardSchema } from "./scorecard.ts";
import { createSessionSchema, sessionViewSchema, signInCodeSchema } from "./session.ts";
import { statementSchema } from "./statement.ts";
import { JOB_STATES } from "./states.ts";
import { TASK_KIND_NAMES } from "./task-kinds.ts";
import { freezeTrainSchema, frozenTargetSchema, resumeTrainSchema, trainQuerySchema, trainViewSchema } from "./train.ts";
import { STEER_LIMIT_CHARACTERS } from "./turn-settings.ts";
import { resolveUpstreamSchema, upstreamBranchSchema, upstreamMoveSchema } from "./upstream.ts";
import {
  appendEventsResponseSchema,
  appendEventsSchema,
  claimRequestSchema,
  claimResponseSchema,
  cordonSchema,
  cordonWorkerSchema,
  finishResponseSchema,
  finishSchema,
  holdWorkerSchema,
  protectedCommitsSchema,
  registeredWorkerSchema,
  registerWorkerSchema,
  renewResponseSchema,
  workerReportSchema,
  workerViewSchema,
} from "./worker-api.ts";

const everyone = ["submitter", "viewer", "worker", "integrator", "gateway"] as const;
const readers = ["submitter", "viewer", "worker", "integrator"] as const;

/** Query parameters arrive as text. */
const count = (max: number, fallback: number) => z.coerce.number().int().min(1).max(max).default(fallback);
const list = <T extends readonly [string, ...string[]]>(values: T) =>
  z.preprocess((value) => (typeof value === "string" ? value.split(",") : value), z.array(z.enum(values)).optional());

const numbers = (max: number) =>
  z.preprocess((value) => (typeof value === "string" ? value.split(",").map(Number) : value), z.array(z.int().positive()).max(max).optional());

/** All endpoints by the name that the client calls them by. Errors that any may answer: UNAUTHENTICATED, FORBIDDEN, INVALID_REQUEST, NOT_FOUND, INTERNAL. */
export const ENDPOINTS = {
  health: {
    method: "GET",
    path: "/v1/health",
    roles: [],
    summary: "Whether the server is up.",
    response: z.object({ ok: z.literal(true), version: z.string(), installationId: idSchema }),
  },
  whoami: {
    method: "GET",
    path: "/v1/whoami",
    roles: everyone,
    summary: "Name and role of the token.",
    response: z.object({ name: z.string(), role: z.enum(ROLES) }),
  },

  createSession: {
    method: "POST",
    path: "/v1/session",
    roles: [],
    summary: "Sign a browser in: the answer sets a cookie.",
    body: createSessionSchema,
    response: sessionViewSchema,
  },
  getSession: { method: "GET", path: "/v1/session", roles: everyone, summary: "Who is signed in.", response: sessionViewSchema },
  endSession: {
    method: "DELETE",
    path: "/v1/session",
    roles: everyone,
    summary: "Sign out: the session ends, on every page that has it.",
    response: z.object({}),
  },
  createSignInCode: {
    method: "POST",
    path: "/v1/sign-in-codes",
    roles: everyone,
    summary: "A code that signs a browser in as the caller's token, once, within a minute.",
    body: z.strictObject({}),
    response: signInCodeSchema,
  },

  overview: {
    method: "GET",
    path: "/v1/overview",
    roles: readers,
    summary: "What is running, what waits and why, what landed today, what failed, what needs a person, what it cost: the whole installation in one answer.",
    response: overviewSchema,
  },
  showConfig: {
    method: "GET",
    path: "/v1/config",
    roles: [],
    summary: "What the server runs with, and where each value came from. Secrets are named, never shown.",
    response: effectiveConfigSchema,
  },

  createRepository: {
    method: "POST",
    path: "/v1/repositories",
    roles: ["submitter"],
    summary: "Register a repository; the same name and address again gives the same one.",
    body: createRepositorySchema,
    response: repositoryViewSchema,
  },
  listRepositories: {
    method: "GET",
    path: "/v1/repositories",
    roles: readers,
    summary: "All repositories.",
    response: z.object({ repositories: z.array(repositoryViewSchema) }),
  },
  updateRepository: {
    method: "PATCH",
    path: "/v1/repositories/{repo}",
    roles: [],
    summary: "Change a repository's limits, default branch, or how it is kept together with its own address.",
    body: updateRepositorySchema,
    response: repositoryViewSchema,
  },
  getBranch: {
    method: "GET",
    path: "/v1/repositories/{repo}/branch",
    roles: readers,
    summary: "The hub's commit of a branch.",
    query: z.object({ branch: z.string() }),
    response: branchViewSchema,
  },
  syncBranch: {
    method: "POST",
    path: "/v1/repositories/{repo}/sync-branch",
    roles: ["submitter"],
    summary: "Fast-forward a hub branch to a commit that the hub has.",
    body: syncBranchSchema,
    response: branchViewSchema,
  },
  syncRepository: {
    method: "POST",
    path: "/v1/repositories/{repo}/sync",
    roles: ["submitter"],
    summary: "Fetch from the repository's address, follow it where that is a fast-forward, and push what landed where that is the rule.",
    body: z.strictObject({}),
    response: z.object({
      branches: z.array(branchViewSchema),
      /** What was done with branches of the hub. */
      moves: z.array(upstreamMoveSchema).default([]),
      /** Branches whose history was rewritten there since the last time. */
      rewritten: z.array(z.string()).default([]),
      /** Branches of the hub that wait for a person. */
      waiting: z.array(upstreamBranchSchema).default([]),
    }),
  },
  upstreamBranches: {
    method: "GET",
    path: "/v1/repositories/{repo}/upstream",
    roles: readers,
    summary: "How the hub's branches stand to those of the repository's address, as that was last fetched. The newest 500.",
    response: z.object({ branches: z.array(upstreamBranchSchema) }),
  },
  resolveUpstream: {
    method: "POST",
    path: "/v1/repositories/{repo}/upstream/resolve",
    roles: [],
    summary: "Decide over a branch of which hub and address each have commits that the other has not. What gives way is kept under a ref.",
    body: resolveUpstreamSchema,
    response: upstreamBranchSchema,
  },

  showTrains: {
    method: "GET",
    path: "/v1/repositories/{repo}/trains",
    roles: readers,
    summary: "What is on its way to a repository's branches, in the order of landing, and which branches are frozen.",
    query: trainQuerySchema,
    response: z.object({ trains: z.array(trainViewSchema) }),
  },
  freezeTrain: {
    method: "POST",
    path: "/v1/repositories/{repo}/trains/freeze",
    roles: [],
    summary: "Have nothing land on a branch until it is resumed. One that is frozen already stays as it is.",
    body: freezeTrainSchema,
    response: frozenTargetSchema,
  },
  resumeTrain: {
    method: "POST",
    path: "/v1/repositories/{repo}/trains/resume",
    roles: [],
    summary: "Let changes land again. Answers the branches that were frozen.",
    body: resumeTrainSchema,
    response: z.object({ resumed: z.array(z.string()) }),
  },

  listFlakes: {
    method: "GET",
    path: "/v1/repositories/{repo}/flakes",
    roles: readers,
    summary: "Failures of a repository's gates that came and went on the same files, newest first.",
    response: z.object({ flakes: z.array(flakeViewSchema) }),
  },
  clearFlakes: {
    method: "POST",
    path: "/v1/repositories/{repo}/flakes/clear",
    roles: ["submitter"],
    summary: "Forget the flaky failures of a gate, and so end their quarantine. Answers how many there were.",
    body: z.strictObject({
      gate: nameSchema.describe("Name of the gate."),
      failureDigest: z
        .string()
        .regex(/^[0-9a-f]{8,64}$/, "expected 8 to 64 hexadecimal digits")
        .optional()
        .describe("Beginning of the failure's digest; all of the gate's where it is missing."),
    }),
    response: z.object({ cleared: z.int() }),
  },

  submitJob: {
    method: "POST",
    path: "/v1/jobs",
    roles: ["submitter"],
    summary: "Submit a job.",
    body: submitJobSchema,
    response: z.object({ job: jobViewSchema, deduplicated: z.boolean() }),
  },
  previewJob: {
    method: "POST",
    path: "/v1/jobs/preview",
    roles: ["submitter", "viewer"],
    summary:
      "What a submission would come to: base, backend, gates, checks and the first prompt. Stores nothing and fetches nothing; refused as `submitJob` would refuse it.",
    body: submitJobSchema,
    response: jobPreviewSchema,
  },
  listJobs: {
    method: "GET",
    path: "/v1/jobs",
    roles: readers,
    summary: "Jobs, newest first, in pages.",
    query: z.object({
      state: list(JOB_STATES),
      kind: list(JOB_KINDS),
      taskKind: list(TASK_KIND_NAMES),
      lane: list(LANES),
      repo: z.string().optional(),
      backend: nameSchema.optional(),
      worker: z.string().min(1).max(100).optional().describe("Only those that had an attempt on this worker, by its whole name or id."),
      code: list(ERROR_CODES).describe("Only those whose newest failure has one of these codes."),
      who: z.string().min(1).max(100).optional().describe("Only those that this token submitted: its name or id; as long as the audit keeps that."),
      since: z.coerce.number().pipe(timeSchema).optional().describe("Only those whose state is another one, or that are new, since then, in ms since 1970."),
      text: z.string().max(200).optional().describe("Words that title or task all have, whatever their case; or a job's number."),
      number: numbers(200).describe("Only these jobs, by number."),
      after: z.coerce.number().int().min(0).optional().describe("Only jobs with a greater number: those that are newer."),
      limit: count(200, 50),
      cursor: z.string().max(200).optional().describe("`nextCursor` of the page before."),
    }),
    response: z.object({ jobs: z.array(jobViewSchema), nextCursor: z.string().nullable() }),
  },
  getJob: {
    method: "GET",
    path: "/v1/jobs/{job}",
    roles: readers,
    summary: "One job, by id or number.",
    query: z.object({
      waitMs: z.coerce.number().int().min(0).max(60_000).default(0).describe("Hold the answer until the job is final or blocked, at most this long."),
    }),
    response: jobDetailSchema,
  },
  explainJob: { method: "GET", path: "/v1/jobs/{job}/explain", roles: readers, summary: "Why the job is where it is.", response: explanationSchema },
  cancelJob: {
    method: "POST",
    path: "/v1/jobs/{job}/cancel",
    roles: ["submitter"],
    summary: "Cancel a job.",
    body: z.strictObject({ reason: z.string().max(1_000).optional() }),
    response: z.object({ job: jobViewSchema }),
  },
  retryJob: {
    method: "POST",
    path: "/v1/jobs/{job}/retry",
    roles: ["submitter"],
    summary: "Queue a blocked job again, or submit a final one again as a new job.",
    body: z.strictObject({}),
    response: z.object({ job: jobViewSchema }),
  },
  replayJob: {
    method: "POST",
    path: "/v1/jobs/{job}/replay",
    roles: ["submitter"],
    summary: "Submit a recorded job again as a new one whose model calls are answered from its cassette.",
    body: z.strictObject({ attempt: fenceSchema.optional().describe("Whose cassette; the newest attempt that has one where it is missing.") }),
    response: z.object({ job: jobViewSchema }),
  },
  steerJob: {
    method: "POST",
    path: "/v1/jobs/{job}/steer",
    roles: ["submitter"],
    summary: "Send a message to the job's agent in the middle of its turn. It arrives at most once, and shows in the job's events when the agent takes it.",
    body: z.strictObject({ text: z.string().trim().min(1).max(STEER_LIMIT_CHARACTERS) }),
    response: z.object({ job: jobViewSchema, messageId: idSchema }),
  },
  syncPullRequest: {
    method: "POST",
    path: "/v1/jobs/{job}/pull-request/sync",
    roles: ["submitter"],
    summary: "Look at a job's pull request now: its state, what reviews and checks ask for, whether it can be merged.",
    body: z.strictObject({}),
    response: z.object({ job: jobViewSchema, revision: jobViewSchema.nullable(), note: z.string() }),
  },
  closePullRequest: {
    method: "POST",
    path: "/v1/jobs/{job}/pull-request/close",
    roles: ["submitter"],
    summary: "Close a job's pull request unmerged; its branch stays.",
    body: z.strictObject({}),
    response: z.object({ job: jobViewSchema }),
  },
  acceptJob: {
    method: "POST",
    path: "/v1/jobs/{job}/accept",
    roles: ["submitter"],
    summary: "Accept the kept work of a failed job, though something refused it: a new job lands it. A second time gives the same job.",
    body: acceptJobSchema,
    response: z.object({ job: jobViewSchema, created: z.boolean(), acceptance: acceptanceSchema }),
  },
  reviseJob: {
    method: "POST",
    path: "/v1/jobs/{job}/revise",
    roles: ["submitter"],
    summary:
      "Ask for something else in a job's change, at its lines: an agent at work gets it as a message, where it takes one; else a new job goes on from that change.",
    body: reviseJobSchema,
    response: z.object({
      /** The new job, or the one whose agent got the message. */
      job: jobViewSchema,
      /** Whether it is a new one. */
      created: z.boolean(),
    }),
  },
  jobDiff: {
    method: "GET",
    path: "/v1/jobs/{job}/diff",
    roles: readers,
    summary:
      "The job's change as a patch (text/plain); of a job that did not land, what was kept of its agent's work. Also of one of its earlier changes, and from one of them to another.",
    query: z.object({
      change: changeIdSchema
        .optional()
        .describe("Which change: `2` is what attempt 2 ended with, `2.1` its first one that was sent back; the newest where it is missing."),
      since: changeIdSchema.optional().describe("The change that it is held against; what it was made on where it is missing."),
      binary: z.enum(["whole", "names"]).default("whole").describe("Whether binary files come with their bytes, for `git apply`, or by their names alone."),
    }),
    response: z.string(),
  },
  jobStatement: {
    method: "GET",
    path: "/v1/jobs/{job}/statement",
    roles: readers,
    summary: "What a landed job can be shown by: an in-toto statement with SLSA provenance, for others to sign.",
    response: statementSchema,
  },
  getJobImage: {
    method: "GET",
    path: "/v1/jobs/{job}/images/{image}",
    roles: readers,
    summary: "One image of the job, as bytes, by its place among them from 1.",
    response: z.string(),
  },
  getScorecard: {
    method: "GET",
    path: "/v1/jobs/{job}/scorecard",
    roles: readers,
    summary: "How well the job went, and how that was counted.",
    response: scorecardSchema,
  },
  listArtifacts: {
    method: "GET",
    path: "/v1/jobs/{job}/artifacts",
    roles: readers,
    summary: "What the job's attempts stored, of each name the newest, and what can be made of it.",
    response: z.object({ artifacts: z.array(artifactViewSchema) }),
  },
  getArtifact: {
    method: "GET",
    path: "/v1/jobs/{job}/artifacts/{name}",
    roles: readers,
    summary: "One artifact, as bytes: one that is stored, or one that is made when it is asked for.",
    response: z.string(),
  },
  listEvents: {
    method: "GET",
    path: "/v1/jobs/{job}/events",
    roles: readers,
    summary: "Events after a cursor. As `text/event-stream` where asked for (SSE), and as a WebSocket on the same path: frames of `eventFrameSchema`.",
    query: z.object({ after: z.coerce.number().int().min(0).default(0), limit: count(5_000, 1_000) }),
    response: z.object({
      events: z.array(jobEventSchema),
      lastSeq: z.int(),
      gapTo: z.int().nullable().describe("Events after the cursor up to this one are no longer kept; null where none is missing."),
    }),
  },

  listWorkers: { method: "GET", path: "/v1/workers", roles: readers, summary: "All workers.", response: z.object({ workers: z.array(workerViewSchema) }) },
  listBackends: {
    method: "GET",
    path: "/v1/backends",
    roles: readers,
    summary: "Backends that workers have or jobs had: where they are installed, how their jobs went, and what they used.",
    response: z.object({ backends: z.array(backendViewSchema) }),
  },
  listCircuits: {
    method: "GET",
    path: "/v1/circuits",
    roles: readers,
    summary: "Backends that failed by their own fault again and again, and so get no jobs for a while.",
    response: z.object({ circuits: z.array(circuitSchema) }),
  },
  resetBackend: {
    method: "POST",
    path: "/v1/backends/{backend}/reset",
    roles: ["submitter"],
    summary: "Give a backend jobs again at once, whatever failed before. Answers how many circuits were open.",
    body: z.strictObject({}),
    response: z.object({ closed: z.int() }),
  },
  listNotifications: {
    method: "GET",
    path: "/v1/notifications",
    roles: ["submitter", "viewer"],
    summary: "Who is told of jobs by HTTP, what has not arrived there yet, and why.",
    response: z.object({ receivers: z.array(notificationStatusSchema) }),
  },
  testNotifications: {
    method: "POST",
    path: "/v1/notifications/test",
    roles: [],
    summary: "Send a sample to all receivers that are told of jobs, or to one, and say whether it arrived.",
    body: testNotificationsSchema,
    response: z.object({ receivers: z.array(testedNotificationSchema) }),
  },
  drainWorker: {
    method: "POST",
    path: "/v1/workers/{worker}/drain",
    roles: [],
    summary: "Let a worker finish what it has and claim nothing more.",
    body: z.strictObject({}),
    response: z.object({}),
  },
  cordonWorker: {
    method: "POST",
    path: "/v1/workers/{worker}/cordon",
    roles: [],
    summary: "Have a worker claim nothing, and go on with what it runs, until that is taken back. One that is cordoned already stays as it is.",
    body: cordonWorkerSchema,
    response: cordonSchema,
  },
  uncordonWorker: {
    method: "POST",
    path: "/v1/workers/{worker}/uncordon",
    roles: [],
    summary: "Let a worker claim jobs again. Answers whether it was cordoned.",
    body: z.strictObject({}),
    response: z.object({ wasCordoned: z.boolean() }),
  },
  holdWorker: {
    method: "POST",
    path: "/v1/workers/{worker}/hold",
    roles: ["worker"],
    summary: "Say why a worker claims nothing for now, or that it claims again.",
    body: holdWorkerSchema,
    response: z.object({}),
  },
  reportWorker: {
    method: "POST",
    path: "/v1/workers/{worker}/report",
    roles: ["worker"],
    summary: "Say what a worker's jobs run in, and what does not work there and stops no job.",
    body: workerReportSchema,
    response: z.object({}),
  },
  registerWorker: {
    method: "POST",
    path: "/v1/workers",
    roles: ["worker"],
    summary: "Register a worker, at every start.",
    body: registerWorkerSchema,
    response: registeredWorkerSchema,
  },
  claim: {
    method: "POST",
    path: "/v1/claims",
    roles: ["worker"],
    summary: "Claim a job; held until there is one.",
    body: claimRequestSchema,
    response: claimResponseSchema,
  },
  renew: {
    method: "POST",
    path: "/v1/attempts/{job}/{fence}/renew",
    roles: ["worker"],
    summary: "Renew the lease.",
    body: z.strictObject({}),
    response: renewResponseSchema,
  },
  protectedCommits: {
    method: "GET",
    path: "/v1/attempts/{job}/{fence}/protected-commits",
    roles: ["worker"],
    summary: "From which commits a setup layer may be made that other jobs share.",
    response: protectedCommitsSchema,
  },
  appendEvents: {
    method: "POST",
    path: "/v1/attempts/{job}/{fence}/events",
    roles: ["worker"],
    summary: "Append events; what is already there is skipped.",
    body: appendEventsSchema,
    response: appendEventsResponseSchema,
  },
  baselines: {
    method: "GET",
    path: "/v1/attempts/{job}/{fence}/baselines",
    roles: ["worker"],
    summary: "How gates are known to end on a tree, and which of their failures are quarantined.",
    query: z.object({ tree: oidSchema }),
    response: baselinesResponseSchema,
  },
  recordBaselines: {
    method: "POST",
    path: "/v1/attempts/{job}/{fence}/baselines",
    roles: ["worker"],
    summary: "Say how gates ended on a base; what is known already stays.",
    body: z.strictObject({ baselines: z.array(gateBaselineSchema).min(1).max(200) }),
    response: z.object({}),
  },
  recordFlake: {
    method: "POST",
    path: "/v1/attempts/{job}/{fence}/flakes",
    roles: ["worker"],
    summary: "Say that a failure was gone when its gate was run again on the same files; counted once a job.",
    body: gateFlakeSchema,
    response: z.object({}),
  },
  putArtifact: {
    method: "PUT",
    path: "/v1/attempts/{job}/{fence}/artifacts/{name}",
    roles: ["worker"],
    summary: "Store an artifact (body: application/octet-stream, at most 16 MiB).",
    response: z.object({ bytes: z.int(), sha256: z.string() }),
  },
  findOpinion: {
    method: "GET",
    path: "/v1/attempts/{job}/{fence}/opinions",
    roles: ["worker"],
    summary: "What a critic said of the very same tree and question in the same repository; null where it was not asked.",
    query: askedCriticSchema,
    response: z.object({ opinion: criticOpinionSchema.nullable() }),
  },
  keepOpinion: {
    method: "POST",
    path: "/v1/attempts/{job}/{fence}/opinions",
    roles: ["worker"],
    summary: "Keep what a critic said of a tree.",
    body: keepOpinionSchema,
    response: z.object({}),
  },
  finish: {
    method: "POST",
    path: "/v1/attempts/{job}/{fence}/finish",
    roles: ["worker"],
    summary: "Report how the attempt ended.",
    body: finishSchema,
    response: finishResponseSchema,
  },

  daySpending: {
    method: "GET",
    path: "/v1/spending/today",
    roles: readers,
    summary: "What all jobs together spent on models in the present day, which began at 00:00 UTC, and what they may.",
    response: daySpendingSchema,
  },
  attemptModel: {
    method: "GET",
    path: "/v1/attempts/{job}/{fence}/model",
    roles: ["worker"],
    summary: "What the attempt spent on models, and why its newest model call failed.",
    response: attemptModelSchema,
  },

  ...GATEWAY_ENDPOINTS,

  claimCompletion: {
    method: "POST",
    path: "/v1/completion-claims",
    roles: ["integrator"],
    summary: "Claim a completion; held until there is one.",
    body: claimCompletionSchema,
    response: claimCompletionResponseSchema,
  },
  renewCompletion: {
    method: "POST",
    path: "/v1/completions/{completion}/{fence}/renew",
    roles: ["integrator"],
    summary: "Renew the lease on a completion.",
    body: z.strictObject({}),
    response: renewResponseSchema,
  },
  verifyCompletion: {
    method: "POST",
    path: "/v1/completions/{completion}/{fence}/verify",
    roles: ["integrator"],
    summary: "Ask for receipts of the merged tree.",
    body: verifyRequestSchema,
    response: verifyResponseSchema,
  },
  landCompletion: {
    method: "POST",
    path: "/v1/completions/{completion}/{fence}/land",
    roles: ["integrator"],
    summary: "Move the target to the merged commit, by compare-and-swap.",
    body: landRequestSchema,
    response: landResponseSchema,
  },
  rejectCompletion: {
    method: "POST",
    path: "/v1/completions/{completion}/{fence}/reject",
    roles: ["integrator"],
    summary: "Give the completion up.",
    body: rejectRequestSchema,
    response: landResponseSchema,
  },

  createToken: { method: "POST", path: "/v1/tokens", roles: [], summary: "Make a token.", body: createTokenSchema, response: createdTokenSchema },
  listTokens: {
    method: "GET",
    path: "/v1/tokens",
    roles: [],
    summary: "All tokens, without the secrets.",
    response: z.object({ tokens: z.array(tokenViewSchema) }),
  },
  revokeToken: { method: "DELETE", path: "/v1/tokens/{token}", roles: [], summary: "Revoke a token.", response: z.object({}) },

  listAudit: {
    method: "GET",
    path: "/v1/audit",
    roles: [],
    summary: "Who changed what, newest first, in pages.",
    query: z.object({
      since: z.coerce.number().pipe(timeSchema).optional().describe("Nothing older than this, in ms since 1970."),
      job: jobReferenceSchema.optional().describe("Only what was done with this job, by id or number."),
      who: z.string().min(1).max(100).optional().describe("Only by this token: its name or id."),
      action: list(AUDITED_ENDPOINTS),
      limit: count(200, 50),
      cursor: z.string().max(200).optional().describe("`nextCursor` of the page before."),
    }),
    response: z.object({ entries: z.array(auditEntrySchema), nextCursor: z.string().nullable() }),
  },
} as const satisfies Record<string, Endpoint>;

/** A key of the table. */
export type EndpointName = keyof typeof ENDPOINTS;

/** Endpoints that need no token. All others with an empty `roles` are for `admin` only. */
export const PUBLIC_ENDPOINTS: readonly EndpointName[] = ["health", "createSession"];

/** WebSocket of a worker's signals (role worker): frames of `workerSignalSchema`. */
export const WORKER_SIGNALS_PATH = "/v1/workers/{worker}/signals";
/** Git's smart HTTP of the hub: `/git/<repository id>/upstream.git` and `…/jobs.git`. HTTP Basic, the token as password. */
export const HUB_PATH = "/git";

type Table = typeof ENDPOINTS;
/** The body of a request as the caller writes it, before defaults; undefined where the endpoint takes none. */
export type BodyOf<N extends EndpointName> = Table[N] extends { body: infer B extends z.ZodType } ? z.input<B> : undefined;
/** The query of a request as the caller writes it, before defaults; undefined where the endpoint takes none. */
export type QueryOf<N extends EndpointName> = Table[N] extends { query: infer Q extends z.ZodType } ? z.input<Q> : undefined;
/** The checked answer of an endpoint. */
export type ResponseOf<N extends EndpointName> = z.output<Table[N]["response"]>;
type ParamsIn<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamsIn<Rest> : never;
/** A value for each `{name}` in the path; undefined where there is none. */
export type ParamsOf<N extends EndpointName> = [ParamsIn<Table[N]["path"]>] extends [never] ? undefined : Record<ParamsIn<Table[N]["path"]>, string | number>;
