import type { Role, TokenView } from "@slipway/protocol/accounts";
import type { AuditEntry, AuditedEndpoint } from "@slipway/protocol/audit";
import type { Baselines, FlakeView, GateBaseline, GateFlake } from "@slipway/protocol/baseline";
import type { DayBudget, DaySpending } from "@slipway/protocol/budget";
import type { AskedCritic, CriticOpinion } from "@slipway/protocol/critic";
import type { ErrorCode } from "@slipway/protocol/errors";
import type { AppendableEvent, EventBody, JobEvent, Phase } from "@slipway/protocol/events";
import type { AttemptModel, SettleCall } from "@slipway/protocol/gateway-api";
import type { CompletionView, Failure, JobDetail, JobKind, JobView, Lane, Receipt, VerifySpec } from "@slipway/protocol/job";
import type { PredictedConflict, Revision } from "@slipway/protocol/revisions";
import type { Routing } from "@slipway/protocol/routing";
import type { JobState } from "@slipway/protocol/states";
import type { TaskKind } from "@slipway/protocol/task-kinds";
import type { FrozenTarget, TrainCar } from "@slipway/protocol/train";
import type { UpstreamChanges, UpstreamSettings, UpstreamSync } from "@slipway/protocol/upstream";
import type { Cordon, Outcome, RegisterWorker } from "@slipway/protocol/worker-api";
import type { DeliveryIntent, DeliveryRow, PullRequestFound, WatchedPullRequest } from "./deliveries.ts";
import type { NotificationCounts, NotificationRow } from "./notifications.ts";
import type {
  AcceptedWork,
  Actor,
  AttemptReceipts,
  BackendRecord,
  BackendUse,
  BatchMember,
  CallAttempt,
  CallReservation,
  CircuitRow,
  ClosedDay,
  CompletionRow,
  NewAuditEntry,
  NewCall,
  NewJob,
  OverviewRows,
  RefusedCalls,
  SessionRow,
  SettledCall,
  WorkerRow,
} from "./rows.ts";

/**
 * Everything that the control plane keeps. One asynchronous interface; SQLite now, Postgres later, each held to the suite in
 * `tests/conformance/store`.
 *
 * Rules for every implementation:
 * - what a call changed is durable when its promise resolves (calls that come together may share one commit);
 * - time is the database's own; no call takes a "now";
 * - a write of an attempt names (job, fence) and carries the condition `state = 'running' AND fence = ? AND lease_until > now` in the same
 *   statement that writes; where it matches nothing, the call rejects with LEASE_LOST and has changed nothing. The same goes for a completion;
 * - a change of a job's state and the `state` event that tells of it are one transaction;
 * - where a call has a `by`, who asked for it is in the audit in the same transaction; without one, nobody asked but the server itself;
 * - the same call again with the same claimId, ordinal or outcome changes nothing and answers as before; a claim's credential stays that of the
 *   first call.
 */
export interface Store extends AsyncDisposable {
  readonly installationId: string;

  // Repositories and tokens
  createRepository(
    input: { id: string; name: string; url: string | null; defaultBranch: string; maxRunning: number },
    by?: Actor,
  ): Promise<{ repository: RepositoryRow; created: boolean }>;
  /** Changes what is named of a repository; undefined where there is no such one. */
  /** Of the day's budget, a limit that is null goes, and one that is missing stays. */
  updateRepository(id: string, changes: RepositoryChanges, by?: Actor): Promise<RepositoryRow | undefined>;
  /** By id or name. */
  getRepository(idOrName: string): Promise<RepositoryRow | undefined>;
  listRepositories(): Promise<RepositoryRow[]>;
  /** Remembers how a fetch from a repository's address, or a push there, went. `nextInMs` from now comes the next try by itself; null: none. The error null: it went well. */
  recordSync(id: string, sync: { error: UpstreamSync["error"]; nextInMs: number | null }): Promise<UpstreamSync>;
  createToken(input: { id: string; name: string; role: Role; sha256: string; expiresAt: number | null }, by?: Actor): Promise<TokenView>;
  /** The live token with this digest, or undefined; remembers its use, at most once a minute. */
  findToken(sha256: string): Promise<TokenView | undefined>;
  listTokens(): Promise<TokenView[]>;
  revokeToken(id: string, by?: Actor): Promise<boolean>;
  /** Keeps a browser's session of a token, by the digest of its secret; undefined where the token is live no more. Sessions that are over go. */
  createSession(input: { sha256: string; tokenId: string; ttlMs: number }, by: Actor): Promise<SessionRow | undefined>;
  /** The session with this digest and its token, where both are live. */
  findSession(sha256: string): Promise<SessionRow | undefined>;
  endSession(sha256: string): Promise<boolean>;

  // Jobs
  /** Stores a job. With a `dedupeKey` that an active job has, that job comes back. Unknown dependencies: INVALID_REQUEST. */
  submitJob(input: NewJob, by?: Actor): Promise<{ job: JobView; deduplicated: boolean }>;
  /** By id, or by number as digits. */
  getJob(idOrNumber: string): Promise<JobView | undefined>;
  getJobDetail(id: string): Promise<JobDetail | undefined>;
  /** Newest first; `before` is the number that the page before ended with. */
  listJobs(filter: {
    states?: JobState[];
    kinds?: JobKind[];
    taskKinds?: TaskKind[];
    lanes?: Lane[];
    repoId?: string;
    backend?: string;
    /** Those that had an attempt on it: its name or id. */
    worker?: string;
    /** Of the newest failure. */
    codes?: ErrorCode[];
    /** Who submitted them, as far as the audit keeps that: a token's name or id. */
    who?: string;
    /** Those that are new or in another state since then, in ms since 1970. */
    since?: number;
    /** Words that title or task all have, or numbers of jobs. */
    text?: string;
    numbers?: number[];
    /** Those with a greater number. */
    after?: number;
    before?: number;
    limit: number;
  }): Promise<JobView[]>;
  /**
   * Any active job, unless its landing's intent is written (CONFLICT). A second time: no change. `revoked` is the lease that this took away: the
   * job's own, or that of the verify job that was running for it (`jobId` says which).
   */
  cancelJob(id: string, reason: string, by?: Actor): Promise<{ job: JobView; revoked: { jobId: string; workerId: string; fence: number } | null }>;
  /**
   * Makes a job that lands the kept work of a failed one: it is integrating at once, with a completion, and says who accepted what. Where there is one that was
   * not cancelled, that comes back. CONFLICT where the job is not failed.
   */
  acceptJob(work: AcceptedWork, job: NewJob, by: Actor): Promise<{ job: JobView; created: boolean }>;
  /**
   * How long the newest jobs before this one took that are done, of the same repository and backend: from the first claim to the end, in ms; at most
   * `HISTORY_JOBS` of them. Null where they are fewer than `HISTORY_MIN_JOBS`.
   */
  jobHistory(id: string): Promise<{ jobs: number; medianMs: number | null }>;
  /** A blocked job becomes queued; one whose delivery is blocked becomes integrating, with a new completion of its commit. CONFLICT from any other state. */
  unblockJob(id: string, by?: Actor): Promise<JobView>;
  /**
   * What keeps a queued job from being claimed, for `explain`: unmet dependencies, a later `runAfter`, the repository's limit, a day that is used up.
   * `isMetered`: its backend's model calls go through the gateway.
   */
  waitingFor(
    id: string,
    day?: { dayBudget: DayBudget; isMetered: boolean },
  ): Promise<{
    dependencies: Array<{ id: string; number: number; state: JobState }>;
    /** When the first of all the jobs that it waits for, through others too, is due; null where none is. */
    dependenciesDueAt: number | null;
    runAfter: number | null;
    repoRunning: number;
    repoLimit: number;
    /** Null where the day has room, and where no budget of a day was named. */
    closedDay: ClosedDay | null;
    ahead: number;
  }>;

  /** The phase that the newest attempt of a job is in (`isOver`: was in last), by its events; `at` is the worker's time. Null before the first. */
  currentPhase(id: string): Promise<{ phase: Phase; at: number; isOver: boolean } | null>;
  /** When a turn of its newest attempt last stalled, by the worker's clock; null where none has. */
  newestStall(id: string): Promise<number | null>;
  /**
   * How far the integration of a job is: claims so far, the lease of the present one, whether the landing's intent is written, the jobs that come before it
   * on the same target, in the order of landing, those of them because of which it lets others pass and how many did, and why the target is frozen, if it is. Null where the job has no open completion.
   */
  integrationOf(jobId: string): Promise<{
    claims: number;
    leaseUntil: number | null;
    isLanding: boolean;
    verifyJobId: string | null;
    ahead: Array<{ job: number; isInTrain: boolean }>;
    conflictsWith: readonly number[];
    passed: number;
    /** The job whose tree is verified for this one too, and how often such a batch was red. */
    batch: number | null;
    bisects: number;
    frozen: FrozenTarget | null;
  } | null>;

  /** All that the overview tells, of one moment, without the words that only the server has. What it costs goes by what is active and by what ended today. */
  overview(): Promise<OverviewRows>;

  // Leases
  /**
   * The next job for this worker, or null. Order: verify jobs, lane, priority, age. The same claimId reads the same live claim again. No job of a backend whose
   * circuit is open is taken, but for the one canary once its time has come: two claims are never both that.
   */
  claim(request: {
    claimId: string;
    workerId: string;
    kinds: JobKind[];
    capabilities: string[];
    leaseTtlMs: number;
    credentialSha256: string;
    /** Of the attempt's model token; a verify job's attempt gets none. */
    modelTokenSha256: string;
    /** Backends of the worker whose model calls go through the gateway. */
    meteredBackends: string[];
    /** By backend, the image that its jobs run in there, by which its circuit is known; those that are missing have the empty one. */
    images?: Record<string, string>;
    /**
     * Backends whose agent is not there, none of whose jobs are taken; by each the setting by which a job names its program itself, which lets it through,
     * empty where there is none.
     */
    absentAgents?: Record<string, string>;
    /** What all jobs together may spend in a day: once it is used up, none is taken that would need more of it. No limit where it is missing. */
    dayBudget?: DayBudget;
  }): Promise<{ job: JobView; fence: number; ttlMs: number; verify: VerifySpec | null; again: boolean } | null>;
  renew(jobId: string, fence: number, workerId: string, leaseTtlMs: number): Promise<void>;
  /** Numbers and stores events; skips ordinals that it has; applies the job's log limit by leaving a gap event. Adds `usage` events to the job's sum, unless its model calls are counted. */
  appendEvents(
    jobId: string,
    fence: number,
    events: Array<{ ordinal: number; at: number; event: AppendableEvent }>,
  ): Promise<{ ackOrdinal: number; stored: JobEvent[] }>;
  /** Keeps what a critic said of a tree; what was kept first stays. */
  keepOpinion(jobId: string, fence: number, kept: AskedCritic & { opinion: CriticOpinion }): Promise<void>;
  /** What a critic said of the same tree, asked the same in the same repository; undefined where nobody asked, or it is no longer kept. */
  findOpinion(jobId: string, asked: AskedCritic): Promise<CriticOpinion | undefined>;
  putArtifact(jobId: string, fence: number, artifact: { name: string; bytes: number; sha256: string }): Promise<void>;
  /**
   * Ends the attempt: `change` → integrating with a pending completion; `verified` → done with receipts; `failed` → by the code's retry policy
   * queued (after `retryAfterMs`), failed or blocked; where the backend is to blame
   * and would not be tried again, queued for the next stop of the job's route, with what the backend leaves; `closedStops`, by their places on the route from 0, are passed over. The same outcome for the same fence again answers as before.
   */
  finish(jobId: string, fence: number, outcome: Outcome, closedStops?: number[]): Promise<JobView>;
  /** Live leases of a worker that were taken with the kind of sandbox that it now has. */
  liveLeases(workerId: string): Promise<Array<{ jobId: string; fence: number }>>;
  /** The attempt whose git credential has this digest, if its lease lives. */
  findAttemptByCredential(sha256: string): Promise<{ jobId: string; fence: number; repoId: string; kind: JobKind; readsJobs: boolean } | undefined>;
  /**
   * Requeues or fails the jobs, and frees the completions, whose lease ran out; ends the states that lasted longer than `StateLimits` and the job's own
   * times allow; fails queued jobs whose dependencies did not end well; cancels verify jobs of completions that have ended. Does a bounded number at a
   * time: what is left keeps `nextDueMs` at 0.
   */
  reap(): Promise<{
    requeued: JobView[];
    failed: JobView[];
    cancelled: JobView[];
    revoked: Array<{ workerId: string; jobId: string; fence: number }>;
    freedCompletions: number;
  }>;
  /** After a start, a clock jump or a resume: every live lease gets one full TTL, and every wait at least `WAIT_GRACE_MS`. Answers the number of leases. */
  graceLeases(leaseTtlMs: number): Promise<number>;
  /** When `reap` or a claim next has something to do by time alone (a `runAfter`, a lease's or a state's end), in ms from now; 0 where it has by now, null where nothing is due. */
  nextDueMs(): Promise<number | null>;

  // Model calls. Each is reserved before it begins and charged once: what its gateway settles, or its reservation.
  /** Charges the open calls of other epochs of this gateway, and gives back what it had ahead of calls; answers the job of each call charged. */
  chargeEarlierEpochs(gatewayId: string, epoch: string): Promise<string[]>;
  /**
   * Reserves what a call may take at most, within the budgets of job, attempt and day; the same open call again answers as before. One that a reservation ahead
   * covers has its room already; of one that is refused, what was reserved ahead is free again. UNAUTHENTICATED where no attempt has the token, LEASE_LOST
   * where its attempt is over, CONFLICT where the id is of a call that is settled, or of another attempt.
   */
  reserveCall(call: NewCall): Promise<CallReservation>;
  /**
   * Charges a call: adds what it took to attempt and job, whatever has become of them, remembers or clears the attempt's model failure, and tells of it with
   * a `model-call` event unless the job is final. `unused` frees what was reserved, without a trace. NOT_FOUND where this gateway has no such call.
   */
  settleCall(settled: SettleCall): Promise<SettledCall>;
  /**
   * Charges open calls whose attempt ended longer ago than that, a bounded number at a time; answers the job of each. What was reserved ahead for calls is
   * free again, and charged only where its gateway settles it later.
   */
  chargeLostCalls(afterMs: number): Promise<string[]>;
  /** What the calls of an attempt took, or undefined where there is no such attempt. */
  attemptModel(jobId: string, fence: number): Promise<AttemptModel | undefined>;
  /** Of any call, open or settled; undefined where there is none. */
  callAttempt(callId: string): Promise<CallAttempt | undefined>;
  /** Tells of the cassette of this call's attempt, also when the attempt is over. NOT_FOUND where there is no such call. */
  putCassette(callId: string, artifact: { name: string; bytes: number; sha256: string }): Promise<void>;
  /** What the present day of UTC took of models, of all jobs together; a call counts for the day on which it is charged. */
  daySpending(): Promise<Omit<DaySpending, "budget">>;

  // Backends
  /** Moves a queued job to another stop of its route, with its event; undefined where it is no longer queued, or not at the backend and stop that were seen. */
  rerouteJob(id: string, seen: { fence: number; backend: string; at: number }, routing: Routing): Promise<JobView | undefined>;
  /** How the jobs of these backends, and of all others that had any, went and what they took; by name. */
  backendUse(more: string[]): Promise<BackendUse[]>;
  /** What is known of these backends, in their order. */
  backendRecords(backends: string[]): Promise<BackendRecord[]>;
  /**
   * The circuits that are open. Each end of an attempt counts by the error table: `down` opens it after so many in a row, each of another job, and for longer
   * where it was the canary; a change, or `works`, closes it; any other end only makes room for the next canary.
   */
  listCircuits(): Promise<CircuitRow[]>;
  /** Closes the circuits of a backend, in every image; answers how many were open. */
  resetCircuits(backend: string, by?: Actor): Promise<number>;

  // Gates
  /** How gates are known to end on a tree of a repository, by baselines and by the receipts of verify jobs, and the repository's quarantined failures. */
  baselines(repoId: string, tree: string): Promise<Baselines>;
  /** Keeps how gates ended on a base; what is known by the same key stays. A write of an attempt. */
  recordBaselines(jobId: string, fence: number, baselines: readonly GateBaseline[]): Promise<void>;
  /** Keeps that a failure came and went; the same failure again in the same job changes nothing. A write of an attempt. */
  recordFlake(jobId: string, fence: number, flake: GateFlake): Promise<void>;
  /** Flaky failures of a repository, the one that was seen last first. */
  listFlakes(repoId: string): Promise<FlakeView[]>;
  /** Forgets the flaky failures of a gate, all or those whose digest begins so; answers how many there were. */
  clearFlakes(repoId: string, which: { readonly gate: string; readonly failureDigest?: string | undefined }, by?: Actor): Promise<number>;

  // Workers
  registerWorker(worker: RegisterWorker): Promise<void>;
  touchWorker(id: string): Promise<void>;
  setDraining(id: string, draining: boolean, by?: Actor): Promise<boolean>;
  /** Has a worker claim nothing until that is taken back; where it is so already, the first word stays. Undefined where there is no such worker. */
  cordonWorker(id: string, reason: string | null, by: Actor): Promise<Cordon | undefined>;
  /** Takes that back; answers whether it was so. Undefined where there is no such worker. */
  uncordonWorker(id: string, by: Actor): Promise<boolean | undefined>;
  listWorkers(): Promise<WorkerRow[]>;

  // Audit
  /** Keeps a call that no other operation keeps: one that was refused, or that changed only the hub. */
  recordAudit(entry: NewAuditEntry): Promise<void>;
  /** Adds up refused calls, one row for the same ones of an hour. Of an hour at most `REFUSAL_ROWS_PER_HOUR` rows are kept; the rest is one row of its own. */
  countRefusals(refused: RefusedCalls[]): Promise<void>;
  /** Newest first; `before` is the `seq` that the page before ended with, `job` a number. */
  listAudit(filter: { since?: number; job?: number; who?: string; actions?: AuditedEndpoint[]; before?: number; limit: number }): Promise<AuditEntry[]>;
  /** Removes rows that are older than that, at most `limit`; answers how many. */
  pruneAudit(retentionMs: number, limit: number): Promise<number>;

  // Events
  /** Events after a cursor in order; `gap` where older ones are no longer kept. */
  readEvents(jobId: string, after: number, limit: number): Promise<{ events: JobEvent[]; gapTo: number | null; lastSeq: number; final: boolean }>;
  /** A server-side event outside any attempt, such as the integrator's phases. */
  addEvent(jobId: string, body: EventBody): Promise<JobEvent>;
  /** Packs the events of final jobs that are not yet packed; answers how many jobs it packed. */
  packFinalJobs(limit: number): Promise<number>;

  // Completions
  /**
   * The next completion for this integrator, or null; none of a frozen target. Order: lane, priority, those that are not foreseen to conflict with one ahead,
   * age. Of a target that an integrator has completions of in
   * hand he alone gets more, as many as `limits` says: one where the target is not among them. `place`: its rank among those that
   * were let in, which it keeps when its integrator is lost.
   */
  claimCompletion(request: {
    claimId: string;
    integratorId: string;
    leaseTtlMs: number;
    credentialSha256: string;
    limits?: ReadonlyArray<{ readonly repoId: string; readonly target: string; readonly parallel: number }>;
  }): Promise<{ completion: CompletionView; fence: number; ttlMs: number; place: number } | null>;
  /** The targets of which this integrator has completions in hand while further ones wait. */
  followedTargets(integratorId: string): Promise<Array<{ repoId: string; target: string }>>;
  renewCompletion(id: string, fence: number, leaseTtlMs: number): Promise<void>;
  getCompletion(id: string): Promise<CompletionRow | undefined>;
  findCompletionByCredential(sha256: string): Promise<{ completionId: string; fence: number; repoId: string } | undefined>;
  /**
   * Makes the verify job for a merged tree, or gives back the one that there is for the same run of the same merged commit. Cancels those of other merges of the
   * completion, and says which leases that takes away.
   */
  requestVerification(
    id: string,
    fence: number,
    spec: VerifySpec,
    job: NewJob,
    run?: number,
    batch?: readonly BatchMember[],
  ): Promise<{ verifyJob: JobView; created: boolean; cancelled: JobView[]; revoked: Array<{ jobId: string; workerId: string; fence: number }> }>;
  /** Gates that were red on a merged tree of the completion and green when that was verified again. */
  flakyGatesOf(id: string): Promise<string[]>;
  /** Receipts with exit 0 for this tree, made in this repository. */
  receiptsFor(repoId: string, tree: string): Promise<AttemptReceipts>;
  /** Writes the landing's intent; from here on the job can no longer be cancelled. */
  intendLanding(
    id: string,
    fence: number,
    intent: { target: string; oldOid: string | null; newOid: string; tree?: string; flakyGates?: readonly string[]; batch?: readonly BatchMember[] },
  ): Promise<void>;
  /** The target moved meanwhile, nothing landed: takes the intent back, and those of its batch. */
  withdrawLanding(id: string, fence: number): Promise<void>;
  /** Marks the completion landed and its job done, and all that land with it. `fence` null: recovery of an intent that the ref already shows. */
  markLanded(
    id: string,
    fence: number | null,
  ): Promise<{ completion: CompletionView; job: JobView; batch: Array<{ completion: CompletionView; job: JobView }> }>;
  /** A batch was red by this verify job: its members are tested otherwise, and remember it. Told twice it counts once. */
  splitBatch(id: string, verifyJobId: string): Promise<void>;
  /**
   * Gives a completion up: its job fails with this failure, or, with `revise`, is queued again in the same transaction, with the target's commit as its base, the
   * record in its view and the attempt that made the change given back. `reason` is what people read. The same call again changes nothing.
   */
  rejectCompletion(
    id: string,
    fence: number,
    failure: Failure,
    revise?: { revision: Revision; reason: string },
  ): Promise<{ completion: CompletionView; job: JobView }>;
  /** The changes that are to land on a target, in the order of their turn, then those of running jobs that the hub has something of; the first 20. */
  changesOnWay(repoId: string, target: string): Promise<Array<{ jobId: string; number: number; title: string; completionId: string | null; oid: string }>>;
  /** Keeps what conflicts are foreseen for a job, with a warning among its events where there is a text; answers whether that is news. Nothing for a final job. */
  predictConflicts(jobId: string, predicted: readonly PredictedConflict[], warning: string | null): Promise<boolean>;
  /**
   * Makes a job that merges what others pushed to the repository's address (`oid`) into the hub's branch, `job.target`: it is integrating at once, with a
   * completion. Where there was one for the same commit, that comes back, however it ended.
   */
  mergeForeign(oid: string, job: NewJob): Promise<{ job: JobView; created: boolean }>;
  /** The job of `mergeForeign` for this commit, if there was one. */
  findForeign(repoId: string, target: string, oid: string): Promise<JobView | undefined>;
  /** Has nothing be claimed for a target, and takes back what integrators have of it in hand. Where it is frozen already, the first reason stays. */
  freezeTarget(repoId: string, frozen: { target: string; code: ErrorCode; reason: string }, by?: Actor): Promise<FrozenTarget>;
  /** Ends that for one target, or for all (null); answers which were frozen. */
  resumeTargets(repoId: string, target: string | null, by?: Actor): Promise<string[]>;
  frozenTargets(repoId: string): Promise<FrozenTarget[]>;
  /** The open completions of a repository by target, each target's in the order of landing. */
  waitingCars(repoId: string): Promise<Array<TrainCar & { target: string }>>;
  /** Intents without a mark, for recovery at start; of a batch that of its last one. */
  openIntents(): Promise<Array<{ completionId: string; repoId: string; target: string; oldOid: string | null; newOid: string }>>;

  // Deliveries: what goes to a repository's own address. Each step is one round's, and does nothing where that is over.
  /**
   * Writes the intent of a delivery, and hands a verified completion over to it: the integrator is done with it. A job has one branch, the same in every round.
   * LEASE_LOST where this fence no longer holds the completion.
   */
  intendDelivery(id: string, fence: number, intent: DeliveryIntent): Promise<CompletionView>;
  /** Deliveries whose next step is due, oldest first; withdrawn ones too, whose pull request may have to be closed. */
  dueDeliveries(limit: number): Promise<DeliveryRow[]>;
  /** Until the next delivery or look at a pull request is due, in ms; null where none is. */
  nextDeliveryMs(): Promise<number | null>;
  getDelivery(jobId: string): Promise<DeliveryRow | undefined>;
  /** The step failed in a way that may pass: it is due again in so many ms. */
  postponeDelivery(jobId: string, round: number, inMs: number, problem: Failure): Promise<boolean>;
  /** Another name, as the first one is somebody else's branch at the repository's address; null where that is no longer asked. */
  renameDelivery(jobId: string, round: number, wanted: string): Promise<string | null>;
  /** The branch holds the commit. False where this round is over, such as by `slipway cancel`. */
  markPushed(jobId: string, round: number): Promise<boolean>;
  /** The job is done; `found`: its pull request. Null where this round is over. */
  markDelivered(jobId: string, round: number, found: PullRequestFound | null): Promise<JobView | null>;
  /** A person has to act: the job is blocked, and its completion given back. Null where this round is over. */
  blockDelivery(jobId: string, round: number, failure: Failure): Promise<JobView | null>;
  /** Nothing of a withdrawn delivery is open any more. */
  endWithdrawn(jobId: string, round: number, found: PullRequestFound | null): Promise<void>;
  /** Open pull requests that are to be looked at now. */
  duePullRequests(limit: number): Promise<WatchedPullRequest[]>;
  /** The pull request of the branch that this job pushed to. */
  pullRequestOf(jobId: string): Promise<WatchedPullRequest | undefined>;
  keepPullRequest(jobId: string, found: PullRequestFound): Promise<JobView>;
  /** The next look is due in so many ms. */
  postponeLook(jobId: string, inMs: number): Promise<void>;
  /** What was answered, or written, is not again. */
  addSeen(jobId: string, keys: readonly string[]): Promise<void>;
  /** Number of the newest job of the branch that is delivered; null where none is. */
  newestDelivered(jobId: string): Promise<number | null>;
  /** Stores a job that revises the branch, and what it answers, in one step; null where another one was started meanwhile, or the pull request is closed. */
  startRevision(jobId: string, revisions: number, seen: readonly string[], job: NewJob): Promise<JobView | null>;

  // Notifications: what a move of a job, or the freezing of a branch, has to tell to the receivers that the store was opened with; written in its transaction.
  /** Of each receiver the oldest one that is due, where there is any. */
  dueNotifications(): Promise<NotificationRow[]>;
  /** Until the next one is due, in ms; null where none waits. */
  nextNotificationMs(): Promise<number | null>;
  /** It arrived, and what waits for the same receiver is due at once. */
  markArrived(seq: number): Promise<void>;
  /** It did not: all that waits for the same receiver is due in so many ms at the earliest. */
  postponeNotification(seq: number, inMs: number, problem: Failure): Promise<void>;
  giveUpNotification(seq: number, problem: Failure): Promise<void>;
  /** What waits for a receiver is due at once: it is known to be there again. */
  hurryNotifications(receiver: string): Promise<void>;
  /** Gives up what is for receivers that there are no more, and removes what ended longer than a week ago; answers how many it gave up. */
  settleNotifications(): Promise<number>;
  /** By receiver. */
  notificationCounts(): Promise<NotificationCounts[]>;

  // Pruning. A final job keeps its row, its attempts, its receipts; `retentionMs` after its end the rest may go.
  /** Ids of jobs that ended longer ago than that and still have events or artifacts, oldest first. */
  expiredJobs(retentionMs: number, limit: number): Promise<string[]>;
  /** Removes the events of such a job, its model calls and what tells of its artifacts and needs its images; the sums stay. Readers are told of a gap. False, and nothing happens, for any other job. */
  dropJobData(id: string, retentionMs: number): Promise<boolean>;
  /** Those of these digests that are images of jobs whose artifacts are kept. */
  usedImages(digests: readonly string[]): Promise<string[]>;
  /** What says whether refs of these jobs are still needed; unknown ids are left out. `isExpired`: it is final, and ended longer ago than that. */
  hubJobs(ids: readonly string[], retentionMs: number): Promise<Array<{ id: string; isExpired: boolean; resultOid: string | null; landedOid: string | null }>>;
  /** Those of these completions that have ended, with all their verify jobs. */
  endedCompletions(ids: readonly string[]): Promise<string[]>;
  /** The bases of tasks that are not final, or ended no longer ago than that. */
  basesInUse(retentionMs: number): Promise<Array<{ repoId: string; oid: string }>>;
  /** Ids of the repositories in which an attempt or an integrator is at work now. */
  busyRepositories(): Promise<string[]>;
}

/** What of a repository may be changed; what is missing stays. */
export interface RepositoryChanges {
  readonly defaultBranch?: string;
  readonly maxRunning?: number;
  readonly dayBudget?: { readonly tokens?: number | null | undefined; readonly usd?: number | null | undefined };
  /** Of these too, what is null goes and what is missing stays. */
  readonly upstream?: UpstreamChanges;
}

export interface RepositoryRow {
  readonly id: string;
  readonly name: string;
  readonly url: string | null;
  readonly defaultBranch: string;
  readonly maxRunning: number;
  /** Tasks that are running now. */
  readonly running: number;
  /** What its jobs together may spend on models in a day. */
  readonly dayBudget: DayBudget;
  /** What they took today. */
  readonly spentToday: { readonly calls: number; readonly tokens: number; readonly usd: number };
  readonly upstream: UpstreamSettings;
  readonly upstreamSync: UpstreamSync;
  readonly createdAt: number;
}

/** Rows that `countRefusals` keeps of one hour at most, but for the one of the rest. */
export const REFUSAL_ROWS_PER_HOUR = 200;

/** Re-exported so that a reader of the interface finds every shape from here. */
export type {
  AcceptedWork,
  Actor,
  AttemptReceipts,
  BackendRecord,
  BackendUse,
  BatchMember,
  CallAttempt,
  CallReservation,
  CircuitRow,
  ClosedDay,
  CompletionRow,
  NewAuditEntry,
  NewCall,
  NewJob,
  OverviewRows,
  Receipt,
  RefusedCalls,
  SessionRow,
  SettledCall,
  WorkerRow,
};
