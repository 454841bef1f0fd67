import { isDeepStrictEqual } from "node:util";
import { ERRORS, type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { JobView, Receipt, VerifySpec } from "@slipway/protocol/job";
import type { LandingMode } from "@slipway/protocol/landing-modes";
import type { Routing } from "@slipway/protocol/routing";
import { type SandboxKind, sandboxOfImage } from "@slipway/protocol/sandbox-kind";
import { isFinal, nextState } from "@slipway/protocol/states";
import type { KeptWork, Outcome } from "@slipway/protocol/worker-api";
import { endAttempt } from "../attempts.ts";
import { NOW } from "../clock.ts";
import { isKeptForDay } from "../closed-days.ts";
import type { Database } from "../database.ts";
import { dueAt } from "../due-at.ts";
import { ATTEMPT_LIVES, leaseLost } from "../fence.ts";
import { handOver } from "../handover.ts";
import { readJobView } from "../job-view.ts";
import { recordMove } from "../moves.ts";
import { addNumberedEvent } from "../numbered-events.ts";
import { setRoute } from "../route.ts";
import type { JobTable } from "../tables.ts";

const READ = `
  SELECT j.*, s.verify, s.turn_settings, s.routing, a.reported, a.sandbox, a.model_input_tokens + a.model_output_tokens AS model_tokens
  FROM jobs j JOIN job_specs s ON s.job = j.number JOIN attempts a ON a.job = j.number AND a.fence = @fence
  WHERE j.id = @jobId`;
type FinishedJob = JobTable & {
  verify: string | null;
  turn_settings: string;
  routing: string | null;
  reported: string | null;
  sandbox: SandboxKind;
  model_tokens: number;
};

const TRIED_AT = `CASE WHEN @retryAfterMs IS NULL THEN run_after ELSE ${NOW} + @retryAfterMs END`;
// One that claims leave for as long as the day is used up goes on as soon as there is room, which may be before the time that it was told.
const RUN_AFTER = `CASE WHEN @isKeptForDay THEN run_after ELSE ${TRIED_AT} END`;
const FINISH = `
  UPDATE jobs SET state = @to, lease_until = NULL, worker_id = NULL, updated_at = ${NOW}, ended_at = CASE WHEN @final THEN ${NOW} END,
    failure = @failure, result_oid = COALESCE(@resultOid, result_oid), diff_stat = COALESCE(@diffStat, diff_stat),
    run_after = ${RUN_AFTER}, due_at = ${dueAt(TRIED_AT)}, attempts = attempts - @attemptsBack
  WHERE number = @number AND ${ATTEMPT_LIVES}`;

// What revises a branch holds all of it: what is new in it is what it has beyond the target that the branch was last merged with.
const REVISED_BASE = `
  SELECT d.onto_oid FROM revisions v JOIN deliveries d ON d.of_job = v.of_job
  WHERE v.job = @job AND d.state = 'delivered' ORDER BY d.job DESC LIMIT 1`;

const ADD_COMPLETION = `
  INSERT INTO completions (id, job, repo_id, oid, base_oid, target, state, created_at)
  VALUES (@id, @job, @repoId, @oid, COALESCE((${REVISED_BASE}), @baseOid), @target, 'pending', ${NOW})`;

const ADD_RECEIPT = `
  INSERT INTO receipts (job, fence, tree, gate, command, setup_digest, image, environment_digest, exit_code, output_digest, duration_ms,
    failure_digest, flaky, coverage, created_at)
  VALUES (@job, @fence, @tree, @gate, @command, @setupDigest, @image, @environmentDigest, @exitCode, @outputDigest, @durationMs,
    @failureDigest, @flaky, @coverage, ${NOW})`;

/** `completionId`: of the completion that a change makes. Ids come from the proxy: zod, which their module needs, stays out of this thread's memory. */
export function finish(
  db: Database,
  jobId: string,
  fence: number,
  outcome: Outcome,
  { completionId, closedStops }: { completionId: string; closedStops: readonly number[] },
): JobView {
  const job = db.get<FinishedJob>(READ, { jobId, fence });
  if (!job) throw leaseLost(jobId, fence);
  const reported = JSON.stringify(outcome);
  if (job.reported !== null && isDeepStrictEqual(JSON.parse(job.reported), JSON.parse(reported))) return readJobView(db, job.number);
  requireFit(job, outcome);
  const ending = judge(job, outcome, closedStops);
  applyEnding(db, job, fence, outcome, ending);
  const { number } = job;
  const { routing } = ending;
  const failure = outcome.kind === "failed" ? outcome.failure : null;
  endAttempt(db, number, fence, { outcome: outcome.kind, failure, reported, keptOid: keptOf(outcome)?.oid });
  if (routing) {
    handOver(db, number, job.backend);
    setRoute(db, job, routing);
  }
  const workerId = job.worker_id ?? undefined;
  const { on, reason } = ending;
  recordMove(db, { number, kind: job.kind, fence, from: "running", on, reason, ...(failure && { code: failure.code }), ...(workerId && { workerId }) });
  if (routing) {
    const { cause, candidates } = routing;
    addNumberedEvent(db, number, null, { kind: "routing", data: { cause, backend: routing.route[routing.at]?.backend ?? "", from: job.backend, candidates } });
  }
  if (outcome.kind === "change" && ending.on === "finish-change") {
    db.run(ADD_COMPLETION, { id: completionId, job: number, repoId: job.repo_id, oid: outcome.oid, baseOid: job.base_oid, target: job.target });
  }
  if (outcome.kind === "verified") addReceipts(db, number, fence, outcome.receipts);
  return readJobView(db, number);
}

function addReceipts(db: Database, job: number, fence: number, receipts: readonly Receipt[]): void {
  for (const receipt of receipts) {
    // Which job it is of and when it was stored is not the worker's to say.
    const { failureDigest = null, flaky = false, coverage, at: _at, job: _job, reused: _reused, ...made } = receipt;
    db.run(ADD_RECEIPT, { ...made, job, fence, failureDigest, flaky: flaky ? 1 : 0, coverage: coverage ? JSON.stringify(coverage) : null });
  }
}

interface Ending {
  readonly on: "finish-change" | "finish-kept" | "finish-answer" | "finish-verified" | "requeue" | "failover" | "fail" | "block";
  readonly reason: string;
  /** Of the attempts so far, those that do not count. */
  readonly attemptsBack: number;
  /** Where the job goes on, for a failover. */
  readonly routing?: Routing;
}

/** What an outcome means for the job: for a failure the error table's retry policy decides, and how many attempts are left. */
function judge(job: FinishedJob, outcome: Outcome, closedStops: readonly number[]): Ending {
  if (outcome.kind === "change" && landingOf(job) === "none")
    return { on: "finish-kept", reason: "its commit is on the hub, and nothing is to land", attemptsBack: 0 };
  if (outcome.kind === "change") return { on: "finish-change", reason: "a commit is on the hub", attemptsBack: 0 };
  if (outcome.kind === "answer") return { on: "finish-answer", reason: "the agent has answered", attemptsBack: 0 };
  if (outcome.kind === "verified") return { on: "finish-verified", reason: "the gates ran", attemptsBack: 0 };
  const { code, message } = outcome.failure;
  const policy = ERRORS[code].retry;
  const isTriedAgain = policy !== "final" && policy !== "person" && (code === "WORKER_STOPPED" || job.attempts < job.max_attempts);
  const routing = isTriedAgain ? undefined : nextStop(job, code, closedStops);
  // The next backend has all the attempts again.
  if (routing) return { on: "failover", reason: `${message} Its fallback takes over.`, attemptsBack: job.attempts, routing };
  if (policy === "final") return { on: "fail", reason: message, attemptsBack: 0 };
  if (policy === "person") return { on: "block", reason: message, attemptsBack: 0 };
  // The job is not to blame for its worker's stop. A `client` code is no ending of its own, so it is tried again, within the attempts.
  if (code === "WORKER_STOPPED") return { on: "requeue", reason: message, attemptsBack: 1 };
  // Nor for what others spent before it began.
  if (code === "DAY_BUDGET_EXCEEDED" && outcome.retryAfterMs !== undefined && job.model_tokens === 0)
    return { on: "requeue", reason: message, attemptsBack: 1 };
  if (job.attempts < job.max_attempts) return { on: "requeue", reason: message, attemptsBack: 0 };
  return { on: "fail", reason: `attempt ${job.attempts} of ${job.max_attempts}: ${message}`, attemptsBack: 0 };
}

function landingOf({ turn_settings: text }: FinishedJob): LandingMode {
  return (JSON.parse(text) as { landing?: LandingMode }).landing ?? "train";
}

/** The route with the job at its next stop, where the backend is to blame for the failure and there is one. */
function nextStop({ routing: text, backend }: FinishedJob, code: ErrorCode, closedStops: readonly number[]): Routing | undefined {
  const verdict = ERRORS[code].backend;
  if (text === null || (verdict !== "down" && verdict !== "unfit")) return undefined;
  const routing: Routing = JSON.parse(text);
  const at = routing.route.findIndex((_, index) => index > routing.at && !closedStops.includes(index));
  const next = routing.route[at];
  if (!next) return undefined;
  const candidates = [
    { backend: next.backend, taken: true, reason: `the next of its route, as ${backend} ended with ${code}` },
    { backend, taken: false, reason: `ended with ${code}` },
  ];
  return { ...routing, at, cause: "failover", candidates };
}

function applyEnding(db: Database, job: FinishedJob, fence: number, outcome: Outcome, ending: Ending): void {
  const to = nextState("running", ending.on);
  if (!to) throw new Error(`no transition from running on ${ending.on}`);
  // Of an attempt that is tried again it stays the attempt's own. Nothing lands by it: what is integrated has a completion, which only a change makes.
  const result = outcome.kind === "change" ? outcome : to === "queued" ? undefined : keptOf(outcome);
  const finished = db.run(FINISH, {
    number: job.number,
    fence,
    to,
    final: isFinal(to) ? 1 : 0,
    // A job that is tried again shows no failure; its attempts do.
    failure: outcome.kind === "failed" && to !== "queued" ? JSON.stringify(outcome.failure) : null,
    resultOid: result?.oid ?? null,
    diffStat: result ? JSON.stringify(result.diffStat) : null,
    retryAfterMs: outcome.kind === "failed" && to === "queued" ? (outcome.retryAfterMs ?? null) : null,
    isKeptForDay: outcome.kind === "failed" && outcome.failure.code === "DAY_BUDGET_EXCEEDED" && isKeptForDay(db, job.number) ? 1 : 0,
    attemptsBack: ending.attemptsBack,
    ...db.stateLimits,
  });
  if (finished === 0) throw leaseLost(job.id, fence);
}

function keptOf(outcome: Outcome): KeptWork | undefined {
  return outcome.kind === "failed" ? outcome.kept : undefined;
}

/** A task ends with a change and a verification with receipts of exactly its tree and its sandbox; anything else is a mistaken or a lying worker. */
function requireFit(job: FinishedJob, outcome: Outcome): void {
  const hasWork = outcome.kind === "change" || keptOf(outcome) !== undefined;
  if (hasWork && job.kind !== "task") throw new SlipwayError("INVALID_REQUEST", "A verify job has no change.", { job: job.id });
  const { readOnly = false } = JSON.parse(job.turn_settings) as { readOnly?: boolean };
  if (outcome.kind === "change" && readOnly) throw new SlipwayError("INVALID_REQUEST", "A read-only job has no change.", { job: job.id });
  if (outcome.kind === "answer" && !readOnly) throw new SlipwayError("INVALID_REQUEST", "Only a read-only job ends with an answer.", { job: job.id });
  if (outcome.kind !== "verified") return;
  if (job.kind !== "verify" || job.verify === null) throw new SlipwayError("INVALID_REQUEST", "Only a verify job has receipts.", { job: job.id });
  const { tree } = JSON.parse(job.verify) as VerifySpec;
  const foreign = outcome.receipts.find((receipt) => receipt.tree !== tree);
  if (foreign) throw new SlipwayError("INVALID_REQUEST", "A receipt is for another tree than the job's.", { job: job.id, tree, found: foreign.tree });
  const { sandbox } = job;
  const other = outcome.receipts.find((receipt) => sandboxOfImage(receipt.image) !== sandbox);
  if (other) throw new SlipwayError("INVALID_REQUEST", "A receipt is of another sandbox than the attempt's.", { job: job.id, sandbox, found: other.image });
}
