import { SlipwayError } from "@slipway/protocol/errors";
import type { EarlierChange, JobView } from "@slipway/protocol/job";
import type { Claim, KeptWork, Outcome } from "@slipway/protocol/worker-api";
import { EARLIER_STEP } from "../job/earlier-changes.ts";
import { monotonicNowMs } from "../sandbox/lease-file.ts";
import type { AttemptState } from "./attempt-state.ts";
import { cleanUp } from "./clean-up.ts";
import { type Endings, type OpenAttempt, openAttempt, reopenAttempt } from "./open-attempt.ts";
import { failedOutcome, finish, KEPT_STEP } from "./report.ts";
import type { AttemptServices } from "./services.ts";

/** A pipeline that was aborted should end at once; one that does not is left behind after this many ms, its sandbox being dead. */
const ABORTED_LIMIT_MS = 15_000;
/** The same for one that the server has ended: it may keep its agent's work yet, which takes a minute at the most. */
const KEEPING_LIMIT_MS = 75_000;
const OUTCOME_STEP = "outcome";

export type Start =
  | { readonly kind: "claimed"; readonly claim: Claim /** Called when a killed worker would find the attempt again. */; readonly settled: () => Promise<void> }
  | { readonly kind: "resumed"; readonly state: AttemptState };

/** One attempt, from its claim until nothing of it is left on this machine. Never rejects: what goes wrong is reported or logged. */
export async function runOne(services: AttemptServices, start: Start): Promise<void> {
  const claim = start.kind === "claimed" ? start.claim : start.state.claim;
  const { job, fence } = claim;
  const key = `${job.id}-${fence}`;
  if (services.running.has(key)) return;
  const endings: Endings = { abort: new AbortController(), lost: new AbortController() };
  const lose = (reason: unknown): void => {
    endings.lost.abort(reason);
    endings.abort.abort(reason);
  };
  services.running.set(key, (reason) => (isTakenAway(reason) ? lose(reason) : endings.abort.abort(reason)));
  const hold = services.leases.hold({ jobId: job.id, fence, ttlMs: claim.ttlMs }, lose);
  const stop = (): void => lose(services.stop.reason);
  services.stop.addEventListener("abort", stop, { once: true });
  if (services.stop.aborted) stop();
  try {
    using _stores = await services.stores.use(job.repo.id, [claim.verify?.mergedOid ?? job.baseOid]);
    const attempt =
      start.kind === "claimed" ? await openAttempt(services, claim, hold, endings, start.settled) : await reopenAttempt(services, start.state, hold, endings);
    services.inboxes.set(key, attempt.inbox);
    await live(services, attempt);
  } catch (error) {
    // The attempt could not even be opened, such as on a full disk: nothing runs, so only the report and the traces are left.
    services.log.error({ err: error, jobId: job.id, fence }, "the attempt could not be opened");
    await finish(services.client, { jobId: job.id, fence }, failedOutcome(error), services.log, services.giveUp).catch((failure: unknown) =>
      services.log.error({ err: failure, jobId: job.id, fence }, "the failure could not be reported; the lease will run out"),
    );
  } finally {
    services.stop.removeEventListener("abort", stop);
    hold.release();
    services.homes.release(job.id);
    services.running.delete(key);
    services.inboxes.delete(key);
  }
}

async function live(services: AttemptServices, attempt: OpenAttempt): Promise<void> {
  const { abort, lost, log, uplink, hold } = attempt;
  const uplinkStop = new AbortController();
  const sending = uplink.run(AbortSignal.any([uplinkStop.signal, services.giveUp]));
  // The sandbox ends because the signal aborts, not because the pipeline has noticed.
  const endAll = (): void => {
    attempt.provider.endAll().catch((error: unknown) => log.error({ err: error }, "the sandbox could not be ended"));
  };
  // Whatever keeps the work of an attempt that was ended before it is lost ends then too.
  for (const { signal } of [abort, lost]) signal.addEventListener("abort", endAll, { once: true });
  if (abort.signal.aborted) endAll();
  let job: JobView | undefined;
  const lapMs = stopwatch(attempt.context.takenUpAtMs);
  try {
    log.info({ kind: attempt.claim.job.kind, resumed: attempt.context.resumed }, "attempt started");
    const outcome = await work(services, attempt);
    const workMs = lapMs();
    if (outcome) job = await report(services, attempt, outcome);
    log.info({ outcome: outcome?.kind ?? "dropped", ...codeOf(outcome), state: job?.state, workMs, reportMs: lapMs() }, "attempt ended");
  } catch (error) {
    log.error({ err: error }, "the attempt's outcome could not be reported; its lease will run out");
  } finally {
    for (const { signal } of [abort, lost]) signal.removeEventListener("abort", endAll);
    uplinkStop.abort(new SlipwayError("WORKER_STOPPED"));
    await sending;
    await cleanUp(services, attempt, job);
    hold.release();
    log.debug({ cleanUpMs: lapMs() }, "attempt cleaned up");
  }
  // What must not compete with the attempt itself.
  services.sweeper.soon();
  services.warm.hurry();
}

/** The pipeline's outcome, by journal where it is known; undefined where the attempt is no longer ours to report. */
async function work(services: AttemptServices, attempt: OpenAttempt): Promise<Outcome | undefined> {
  const { journal, abort, lost, log } = attempt;
  const known = journal.resultOf(OUTCOME_STEP) as Outcome | undefined;
  if (known) return known;
  const outcome = await settle(services, attempt).catch(failedOutcome);
  const reason = abort.signal.aborted ? (abort.signal.reason as unknown) : undefined;
  const code = lost.signal.reason instanceof SlipwayError ? lost.signal.reason.code : undefined;
  // A pipeline that had come to its end all the same is reported: whether it still counts is the server's to say.
  if (outcome.kind === "failed" && (code === "LEASE_LOST" || code === "CANCELLED")) {
    log.info({ code }, code === "CANCELLED" ? "the job was cancelled" : "the lease is lost: the attempt is dropped");
    return undefined;
  }
  const settled = reason !== undefined && outcome.kind === "failed" ? failedOutcome(reason) : outcome;
  const reported = reportOf(attempt, settled);
  // On disk before it is sent: a worker killed in between reports the same outcome again and runs nothing.
  await journal
    .step(OUTCOME_STEP, async () => reported)
    .catch((error: unknown) => log.warn({ err: error }, "the outcome could not be journaled; it is reported all the same"));
  return reported;
}

/** An outcome as it is reported: masked, with the work that goes with it. */
function reportOf(attempt: OpenAttempt, settled: Outcome): Outcome {
  if (settled.kind === "change") return { ...settled, ...earlierIn(attempt) };
  if (settled.kind !== "failed") return settled;
  return { ...settled, failure: attempt.context.masks.failure(settled.failure), ...keptIn(attempt), ...earlierIn(attempt) };
}

/** What the pipeline kept before it failed. */
function keptIn({ journal }: OpenAttempt): { kept?: KeptWork } {
  const kept = journal.resultOf(KEPT_STEP) as KeptWork | null | undefined;
  return kept ? { kept } : {};
}

/** Its changes that were sent back and are on the hub. */
function earlierIn({ journal }: OpenAttempt): { earlier?: EarlierChange[] } {
  const earlier = (journal.resultOf(EARLIER_STEP) as EarlierChange[] | undefined) ?? [];
  return earlier.length > 0 ? { earlier } : {};
}

/** Runs the pipeline. Where it does not end in its time after an abort, its failure is the abort's reason. */
async function settle(services: AttemptServices, attempt: OpenAttempt): Promise<Outcome> {
  const { context, abort, lost } = attempt;
  const { promise, reject } = Promise.withResolvers<never>();
  let limit: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    clearTimeout(limit);
    const left = (): void => {
      attempt.log.error("the pipeline did not end after its abort; it is left behind");
      reject(abort.signal.reason);
    };
    limit = setTimeout(left, lost.signal.aborted ? ABORTED_LIMIT_MS : KEEPING_LIMIT_MS);
  };
  const onGiveUp = (): void => reject(services.giveUp.reason);
  for (const { signal } of [abort, lost]) signal.addEventListener("abort", onAbort, { once: true });
  services.giveUp.addEventListener("abort", onGiveUp, { once: true });
  if (abort.signal.aborted) onAbort();
  try {
    return await Promise.race([services.runAttempt(context), promise]);
  } finally {
    clearTimeout(limit);
    for (const { signal } of [abort, lost]) signal.removeEventListener("abort", onAbort);
    services.giveUp.removeEventListener("abort", onGiveUp);
  }
}

/** Events first, so that the job's record is whole when it ends; then the outcome. The server alone decides whether it still counts. */
async function report(services: AttemptServices, attempt: OpenAttempt, outcome: Outcome): Promise<JobView | undefined> {
  const { claim, events, log } = attempt;
  const ids = { jobId: claim.job.id, fence: claim.fence };
  try {
    await events.flush(services.giveUp);
  } catch (error) {
    services.giveUp.throwIfAborted();
    log.warn({ err: error }, "not all events of the attempt reached the server");
  }
  try {
    return await finish(services.client, ids, outcome, log, services.giveUp);
  } catch (error) {
    services.giveUp.throwIfAborted();
    log.error({ err: error, outcome: outcome.kind }, "the server does not take the outcome");
    return await finish(services.client, ids, withoutKept(outcome) ?? failedOutcome(error), log, services.giveUp);
  }
}

/** The same failure without what was kept: that the server does not take the one must not hide the other. Undefined where nothing was kept. */
function withoutKept(outcome: Outcome): Outcome | undefined {
  if (outcome.kind !== "failed" || !outcome.kept) return undefined;
  const { kept: _, ...failed } = outcome;
  return failed;
}

/** Whether the server has taken the attempt from this worker; else it has ended it with a failure. */
function isTakenAway(reason: Error): boolean {
  return reason instanceof SlipwayError && (reason.code === "CANCELLED" || reason.code === "LEASE_LOST");
}

/** Each call gives the time since the one before, in ms. */
function stopwatch(sinceMs: number): () => number {
  let lastMs = sinceMs;
  return () => {
    const passedMs = monotonicNowMs() - lastMs;
    lastMs += passedMs;
    return Math.max(0, passedMs);
  };
}

function codeOf(outcome: Outcome | undefined): { code?: string } {
  return outcome?.kind === "failed" ? { code: outcome.failure.code } : {};
}
