import type { TokenView } from "@slipway/protocol/accounts";
import { SlipwayError } from "@slipway/protocol/errors";
import { newId } from "@slipway/protocol/scalars";
import { CIRCUIT_LIMITS, type CircuitLimits } from "../circuit-limits.ts";
import type { NotificationReceiver } from "../notifications.ts";
import { STATE_LIMITS, type StateLimits } from "../state-limits.ts";
import type { Store } from "../store.ts";
import { type Channel, openChannel } from "./channel.ts";

export interface SqliteStoreOptions {
  /** Path of the database file, made where it is missing; its folder exists. */
  readonly file: string;
  /** Log text that is kept of one job, in bytes; 64 MiB where it is missing. */
  readonly logLimitBytesPerJob?: number;
  /** `STATE_LIMITS` where they are missing. */
  readonly stateLimits?: StateLimits;
  /** `CIRCUIT_LIMITS` where they are missing. */
  readonly circuitLimits?: CircuitLimits;
  /** Who is to be told of jobs; nobody where it is missing. */
  readonly receivers?: readonly NotificationReceiver[];
}

const LOG_LIMIT_BYTES_PER_JOB = 64 * 1_048_576;

/** Opens the store, migrating its database where needed. CONFLICT: a newer version of Slipway wrote it. DISK_FULL: no room to open it. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { file, logLimitBytesPerJob = LOG_LIMIT_BYTES_PER_JOB, stateLimits = STATE_LIMITS, circuitLimits = CIRCUIT_LIMITS, receivers = [] } = options;
  return storeOver(await openChannel({ file, logLimitBytes: logLimitBytesPerJob, stateLimits, circuitLimits, receivers, newInstallationId: newId() }));
}

function storeOver(channel: Channel): Store {
  return {
    installationId: channel.installationId,
    [Symbol.asyncDispose]: () => channel[Symbol.asyncDispose](),

    createRepository: (input, by) => channel.call("createRepository", input, by),
    updateRepository: (id, changes, by) => channel.call("updateRepository", id, changes, by),
    getRepository: (idOrName) => channel.call("getRepository", idOrName),
    listRepositories: () => channel.call("listRepositories"),
    recordSync: (id, sync) => channel.call("recordSync", id, sync),
    createToken: (input, by) => channel.call("createToken", input, by),
    findToken: (sha256) => findToken(channel, sha256),
    listTokens: () => channel.call("listTokens"),
    revokeToken: (id, by) => channel.call("revokeToken", id, by),
    createSession: (input, by) => channel.call("createSession", input, by),
    findSession: (sha256) => channel.call("findSession", sha256),
    endSession: (sha256) => channel.call("endSession", sha256),

    submitJob: (input, by) => channel.call("submitJob", input, by),
    getJob: (idOrNumber) => channel.call("getJob", idOrNumber),
    getJobDetail: (id) => channel.call("getJobDetail", id),
    listJobs: (filter) => channel.call("listJobs", filter),
    cancelJob: (id, reason, by) => channel.call("cancelJob", id, reason, by),
    overview: () => channel.call("overview"),
    jobHistory: (id) => channel.call("jobHistory", id),
    mergeForeign: (oid, job) => channel.call("mergeForeign", oid, job, { completionId: newId() }),
    findForeign: (repoId, target, oid) => channel.call("findForeign", repoId, target, oid),
    acceptJob: (work, job, by) => channel.call("acceptJob", work, job, by, { completionId: newId() }),
    unblockJob: (id, by) => channel.call("unblockJob", id, by, { completionId: newId() }),
    waitingFor: (id, day) => channel.call("waitingFor", id, day),
    newestStall: (id) => channel.call("newestStall", id),
    currentPhase: (id) => channel.call("currentPhase", id),
    integrationOf: (jobId) => channel.call("integrationOf", jobId),

    claim: (request) => channel.call("claim", request),
    renew: (jobId, fence, workerId, leaseTtlMs) => channel.call("renew", jobId, fence, workerId, leaseTtlMs),
    appendEvents: (jobId, fence, events) => channel.call("appendEvents", jobId, fence, events),
    keepOpinion: (jobId, fence, kept) => channel.call("keepOpinion", jobId, fence, kept),
    findOpinion: (jobId, asked) => channel.call("findOpinion", jobId, asked),
    putArtifact: (jobId, fence, artifact) => channel.call("putArtifact", jobId, fence, artifact),
    finish: (jobId, fence, outcome, closedStops = []) => channel.call("finish", jobId, fence, outcome, { completionId: newId(), closedStops }),
    liveLeases: (workerId) => channel.call("liveLeases", workerId),
    findAttemptByCredential: (sha256) => channel.call("findAttemptByCredential", sha256),
    reap: () => channel.call("reap"),
    graceLeases: (leaseTtlMs) => channel.call("graceLeases", leaseTtlMs),
    nextDueMs: () => channel.call("nextDueMs"),

    chargeEarlierEpochs: (gatewayId, epoch) => channel.call("chargeEarlierEpochs", gatewayId, epoch),
    reserveCall: (call) => channel.call("reserveCall", call),
    settleCall: (settled) => channel.call("settleCall", settled),
    chargeLostCalls: (afterMs) => channel.call("chargeLostCalls", afterMs),
    attemptModel: (jobId, fence) => channel.call("attemptModel", jobId, fence),
    callAttempt: (callId) => channel.call("callAttempt", callId),
    putCassette: (callId, artifact) => channel.call("putCassette", callId, artifact),
    daySpending: () => channel.call("daySpending"),

    rerouteJob: (id, seen, routing) => channel.call("rerouteJob", id, seen, routing),
    backendUse: (more) => channel.call("backendUse", more),
    backendRecords: (backends) => channel.call("backendRecords", backends),
    listCircuits: () => channel.call("listCircuits"),
    resetCircuits: (backend, by) => channel.call("resetCircuits", backend, by),

    baselines: (repoId, tree) => channel.call("baselines", repoId, tree),
    recordBaselines: (jobId, fence, baselines) => channel.call("recordBaselines", jobId, fence, baselines),
    recordFlake: (jobId, fence, flake) => channel.call("recordFlake", jobId, fence, flake),
    listFlakes: (repoId) => channel.call("listFlakes", repoId),
    clearFlakes: (repoId, which, by) => channel.call("clearFlakes", repoId, which, by),

    registerWorker: (worker) => channel.call("registerWorker", worker),
    touchWorker: (id) => channel.call("touchWorker", id),
    cordonWorker: (id, reason, by) => channel.call("cordonWorker", id, reason, by),
    uncordonWorker: (id, by) => channel.call("uncordonWorker", id, by),
    setDraining: (id, draining, by) => channel.call("setDraining", id, draining, by),
    listWorkers: () => channel.call("listWorkers"),

    recordAudit: (entry) => channel.call("recordAudit", entry),
    countRefusals: (refused) => channel.call("countRefusals", refused),
    listAudit: (filter) => channel.call("listAudit", filter),
    pruneAudit: (retentionMs, limit) => channel.call("pruneAudit", retentionMs, limit),

    readEvents: (jobId, after, limit) => channel.call("readEvents", jobId, after, limit),
    addEvent: (jobId, body) => channel.call("addEvent", jobId, body),
    packFinalJobs: (limit) => packFinalJobs(channel, limit),

    claimCompletion: (request) => channel.call("claimCompletion", request),
    followedTargets: (integratorId) => channel.call("followedTargets", integratorId),
    renewCompletion: (id, fence, leaseTtlMs) => channel.call("renewCompletion", id, fence, leaseTtlMs),
    getCompletion: (id) => channel.call("getCompletion", id),
    findCompletionByCredential: (sha256) => channel.call("findCompletionByCredential", sha256),
    requestVerification: (id, fence, spec, job, run, batch) => channel.call("requestVerification", id, fence, spec, job, run, batch),
    flakyGatesOf: (id) => channel.call("flakyGatesOf", id),
    receiptsFor: (repoId, tree) => channel.call("receiptsFor", repoId, tree),
    intendLanding: (id, fence, intent) => channel.call("intendLanding", id, fence, intent),
    withdrawLanding: (id, fence) => channel.call("withdrawLanding", id, fence),
    splitBatch: (id, verifyJobId) => channel.call("splitBatch", id, verifyJobId),
    markLanded: (id, fence) => channel.call("markLanded", id, fence),
    rejectCompletion: (id, fence, failure, revise) => channel.call("rejectCompletion", id, fence, failure, revise),
    changesOnWay: (repoId, target) => channel.call("changesOnWay", repoId, target),
    predictConflicts: (jobId, predicted, warning) => channel.call("predictConflicts", jobId, predicted, warning),
    openIntents: () => channel.call("openIntents"),
    freezeTarget: (repoId, frozen, by) => channel.call("freezeTarget", repoId, frozen, by),
    resumeTargets: (repoId, target, by) => channel.call("resumeTargets", repoId, target, by),
    frozenTargets: (repoId) => channel.call("frozenTargets", repoId),
    waitingCars: (repoId) => channel.call("waitingCars", repoId),

    intendDelivery: (id, fence, intent) => channel.call("intendDelivery", id, fence, intent),
    dueDeliveries: (limit) => channel.call("dueDeliveries", limit),
    nextDeliveryMs: () => channel.call("nextDeliveryMs"),
    getDelivery: (jobId) => channel.call("getDelivery", jobId),
    postponeDelivery: (jobId, round, inMs, problem) => channel.call("postponeDelivery", jobId, round, inMs, problem),
    renameDelivery: (jobId, round, wanted) => channel.call("renameDelivery", jobId, round, wanted),
    markPushed: (jobId, round) => channel.call("markPushed", jobId, round),
    markDelivered: (jobId, round, found) => channel.call("markDelivered", jobId, round, found),
    blockDelivery: (jobId, round, failure) => channel.call("blockDelivery", jobId, round, failure),
    endWithdrawn: (jobId, round, found) => channel.call("endWithdrawn", jobId, round, found),
    duePullRequests: (limit) => channel.call("duePullRequests", limit),
    pullRequestOf: (jobId) => channel.call("pullRequestOf", jobId),
    keepPullRequest: (jobId, found) => channel.call("keepPullRequest", jobId, found),
    postponeLook: (jobId, inMs) => channel.call("postponeLook", jobId, inMs),
    addSeen: (jobId, keys) => channel.call("addSeen", jobId, keys),
    newestDelivered: (jobId) => channel.call("newestDelivered", jobId),
    startRevision: (jobId, revisions, seen, job) => channel.call("startRevision", jobId, revisions, seen, job),

    dueNotifications: () => channel.call("dueNotifications"),
    nextNotificationMs: () => channel.call("nextNotificationMs"),
    markArrived: (seq) => channel.call("markArrived", seq),
    postponeNotification: (seq, inMs, problem) => channel.call("postponeNotification", seq, inMs, problem),
    giveUpNotification: (seq, problem) => channel.call("giveUpNotification", seq, problem),
    hurryNotifications: (receiver) => channel.call("hurryNotifications", receiver),
    settleNotifications: () => channel.call("settleNotifications"),
    notificationCounts: () => channel.call("notificationCounts"),

    expiredJobs: (retentionMs, limit) => channel.call("expiredJobs", retentionMs, limit),
    dropJobData: (id, retentionMs) => channel.call("dropJobData", id, retentionMs),
    usedImages: (digests) => channel.call("usedImages", digests),
    hubJobs: (ids, retentionMs) => channel.call("hubJobs", ids, retentionMs),
    endedCompletions: (ids) => channel.call("endedCompletions", ids),
    basesInUse: (retentionMs) => channel.call("basesInUse", retentionMs),
    busyRepositories: () => channel.call("busyRepositories"),
  };
}

async function findToken(channel: Channel, sha256: string): Promise<TokenView | undefined> {
  const found = await channel.call("findToken", sha256);
  if (!found) return undefined;
  if (found.stale) {
    try {
      await channel.call("touchToken", found.token.id);
    } catch (error) {
      // When it was last used may be forgotten; that a full disk locks out the person who wants to free it may not be.
      if (!(error instanceof SlipwayError && error.code === "DISK_FULL")) throw error;
    }
  }
  return found.token;
}

/** One segment a call, so that a long log does not keep claims and renewals waiting. */
async function packFinalJobs(channel: Channel, limit: number): Promise<number> {
  let packed = 0;
  while (packed < limit) {
    const segment = await channel.call("packSegment");
    if (!segment) break;
    if (segment.jobDone) packed += 1;
  }
  return packed;
}
