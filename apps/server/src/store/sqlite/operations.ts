import { acceptJob } from "./operations/accept-job.ts";
import { addEvent } from "./operations/add-event.ts";
import { appendEvents } from "./operations/append-events.ts";
import { attemptModel } from "./operations/attempt-model.ts";
import { backendRecords } from "./operations/backend-records.ts";
import { backendUse } from "./operations/backend-use.ts";
import { baselines } from "./operations/baselines.ts";
import { basesInUse } from "./operations/bases-in-use.ts";
import { busyRepositories } from "./operations/busy-repositories.ts";
import { callAttempt } from "./operations/call-attempt.ts";
import { cancelJob } from "./operations/cancel-job.ts";
import { changesOnWay } from "./operations/changes-on-way.ts";
import { chargeEarlierEpochs } from "./operations/charge-earlier-epochs.ts";
import { chargeLostCalls } from "./operations/charge-lost-calls.ts";
import { claim } from "./operations/claim.ts";
import { claimCompletion, followedTargets } from "./operations/claim-completion.ts";
import { cordonWorker, uncordonWorker } from "./operations/cordon-worker.ts";
import { countRefusals } from "./operations/count-refusals.ts";
import { createRepository } from "./operations/create-repository.ts";
import { createToken } from "./operations/create-token.ts";
import { currentPhase } from "./operations/current-phase.ts";
import { daySpending } from "./operations/day-spending.ts";
import {
  blockDelivery,
  dueDeliveries,
  endWithdrawn,
  getDelivery,
  markDelivered,
  markPushed,
  nextDeliveryMs,
  postponeDelivery,
  renameDelivery,
} from "./operations/delivery-steps.ts";
import { dropJobData } from "./operations/drop-job-data.ts";
import { endedCompletions } from "./operations/ended-completions.ts";
import { expiredJobs } from "./operations/expired-jobs.ts";
import { findAttemptByCredential } from "./operations/find-attempt-by-credential.ts";
import { findCompletionByCredential } from "./operations/find-completion-by-credential.ts";
import { findOpinion } from "./operations/find-opinion.ts";
import { findToken } from "./operations/find-token.ts";
import { finish } from "./operations/finish.ts";
import { clearFlakes, listFlakes } from "./operations/flakes.ts";
import { flakyGatesOf } from "./operations/flaky-gates-of.ts";
import { freezeTarget, frozenTargets, resumeTargets } from "./operations/frozen-targets.ts";
import { getCompletion } from "./operations/get-completion.ts";
import { getJob } from "./operations/get-job.ts";
import { getJobDetail } from "./operations/get-job-detail.ts";
import { getRepository } from "./operations/get-repository.ts";
import { graceLeases } from "./operations/grace-leases.ts";
import { hubJobs } from "./operations/hub-jobs.ts";
import { integrationOf } from "./operations/integration-of.ts";
import { intendDelivery } from "./operations/intend-delivery.ts";
import { intendLanding } from "./operations/intend-landing.ts";
import { jobHistory } from "./operations/job-history.ts";
import { keepOpinion } from "./operations/keep-opinion.ts";
import { listAudit } from "./operations/list-audit.ts";
import { listCircuits } from "./operations/list-circuits.ts";
import { listJobs } from "./operations/list-jobs.ts";
import { listRepositories } from "./operations/list-repositories.ts";
import { listTokens } from "./operations/list-tokens.ts";
import { listWorkers } from "./operations/list-workers.ts";
import { liveLeases } from "./operations/live-leases.ts";
import { markLanded } from "./operations/mark-landed.ts";
import { findForeign, mergeForeign } from "./operations/merge-foreign.ts";
import { newestStall } from "./operations/newest-stall.ts";
import { nextDueMs } from "./operations/next-due-ms.ts";
import {
  dueNotifications,
  giveUpNotification,
  hurryNotifications,
  markArrived,
  nextNotificationMs,
  notificationCounts,
  postponeNotification,
  settleNotifications,
} from "./operations/notifications.ts";
import { openIntents } from "./operations/open-intents.ts";
import { overview } from "./operations/overview.ts";
import { packSegment } from "./operations/pack-segment.ts";
import { predictConflicts } from "./operations/predict-conflicts.ts";
import { pruneAudit } from "./operations/prune-audit.ts";
import { addSeen, duePullRequests, keepPullRequest, newestDelivered, postponeLook, pullRequestOf, startRevision } from "./operations/pull-requests.ts";
import { putArtifact } from "./operations/put-artifact.ts";
import { putCassette } from "./operations/put-cassette.ts";
import { readEvents } from "./operations/read-events.ts";
import { reap } from "./operations/reap.ts";
import { receiptsFor } from "./operations/receipts-for.ts";
import { recordAudit } from "./operations/record-audit.ts";
import { recordBaselines, recordFlake } from "./operations/record-baselines.ts";
import { recordSync } from "./operations/record-sync.ts";
import { registerWorker } from "./operations/register-worker.ts";
import { rejectCompletion } from "./operations/reject-completion.ts";
import { renew } from "./operations/renew.ts";
import { renewCompletion } from "./operations/renew-completion.ts";
import { requestVerification } from "./operations/request-verification.ts";
import { rerouteJob } from "./operations/reroute-job.ts";
import { reserveCall } from "./operations/reserve-call.ts";
import { resetCircuits } from "./operations/reset-circuits.ts";
import { revokeToken } from "./operations/revoke-token.ts";
import { createSession, endSession, findSession } from "./operations/sessions.ts";
import { setDraining } from "./operations/set-draining.ts";
import { settleCall } from "./operations/settle-call.ts";
import { splitBatch } from "./operations/split-batch.ts";
import { submitJob } from "./operations/submit-job.ts";
import { touchToken } from "./operations/touch-token.ts";
import { touchWorker } from "./operations/touch-worker.ts";
import { unblockJob } from "./operations/unblock-job.ts";
import { updateRepository } from "./operations/update-repository.ts";
import { usedImages } from "./operations/used-images.ts";
import { waitingCars } from "./operations/waiting-cars.ts";
import { waitingFor } from "./operations/waiting-for.ts";
import { withdrawLanding } from "./operations/withdraw-landing.ts";

/** Operations that only read. */
export const READS = {
  baselines,
  listFlakes,
  getRepository,
  listRepositories,
  findToken,
  findSession,
  listTokens,
  getJob,
  getJobDetail,
  listJobs,
  waitingFor,
  currentPhase,
  newestStall,
  integrationOf,
  changesOnWay,
  followedTargets,
  flakyGatesOf,
  frozenTargets,
  waitingCars,
  findForeign,
  liveLeases,
  findAttemptByCredential,
  nextDueMs,
  listWorkers,
  readEvents,
  getCompletion,
  findCompletionByCredential,
  receiptsFor,
  findOpinion,
  openIntents,
  expiredJobs,
  usedImages,
  hubJobs,
  endedCompletions,
  basesInUse,
  busyRepositories,
  attemptModel,
  callAttempt,
  daySpending,
  backendRecords,
  backendUse,
  dueNotifications,
  nextNotificationMs,
  notificationCounts,
  listCircuits,
  listAudit,
  jobHistory,
  overview,
};

/** Operations that write. */
const WRITES = {
  acceptJob,
  mergeForeign,
  addEvent,
  appendEvents,
  cancelJob,
  chargeEarlierEpochs,
  chargeLostCalls,
  claimCompletion,
  claim,
  cordonWorker,
  countRefusals,
  createRepository,
  createToken,
  createSession,
  endSession,
  dropJobData,
  finish,
  freezeTarget,
  graceLeases,
  intendLanding,
  intendDelivery,
  dueDeliveries,
  nextDeliveryMs,
  getDelivery,
  postponeDelivery,
  renameDelivery,
  markPushed,
  markDelivered,
  blockDelivery,
  endWithdrawn,
  duePullRequests,
  pullRequestOf,
  keepPullRequest,
  startRevision,
  postponeLook,
  addSeen,
  newestDelivered,
  markLanded,
  packSegment,
  predictConflicts,
  pruneAudit,
  putArtifact,
  keepOpinion,
  putCassette,
  reap,
  recordAudit,
  registerWorker,
  rejectCompletion,
  renewCompletion,
  renew,
  requestVerification,
  rerouteJob,
  reserveCall,
  resetCircuits,
  resumeTargets,
  recordBaselines,
  recordFlake,
  recordSync,
  clearFlakes,
  revokeToken,
  setDraining,
  settleCall,
  splitBatch,
  submitJob,
  touchToken,
  touchWorker,
  unblockJob,
  uncordonWorker,
  updateRepository,
  withdrawLanding,
  markArrived,
  postponeNotification,
  giveUpNotification,
  hurryNotifications,
  settleNotifications,
};

/** What the thread can be asked to do; each runs inside a transaction, with the database as its first argument. */
export const OPERATIONS = { ...READS, ...WRITES };

export type Operations = typeof OPERATIONS;
export type OperationName = keyof Operations;
