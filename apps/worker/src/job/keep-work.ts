import type { TakenCommit } from "@slipway/git/commit";
import type { WorkerRepository } from "@slipway/git/repository";
import type { JobPrompts } from "@slipway/prompts/job-prompts";
import { type ErrorCode, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { KeptWork } from "@slipway/protocol/worker-api";
import type { AttemptContext } from "../attempt/context.ts";
import { KEPT_STEP } from "../attempt/report.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { bestOf, type Candidate, countFindings, redGates, redOf } from "./best-work.ts";
import { type Change, type Judgement, refusalsOfKept } from "./checks.ts";
import { endAndCommitKept, hasCommit, recordedCommitIn } from "./commit.ts";
import type { Deadline } from "./deadline.ts";
import { pushEarlierChanges } from "./earlier-changes.ts";
import { pushToOwnRef } from "./push.ts";
import { hasBegun } from "./turn.ts";

/** What the commit needs: the agent's sandbox is undefined where an earlier life of this worker has made the commit already. */
interface Workplace {
  readonly repository: WorkerRepository;
  readonly deadline: Deadline;
  readonly sandbox: Sandbox | undefined;
  /** Which commit the agent worked for; one that a check refused came before it. */
  readonly take: number;
  readonly config: Pick<RepositoryConfig, "scope" | "checks" | "gates">;
  readonly prompts: Pick<JobPrompts, "headings">;
  /** The commits that were refused before, by their takes. */
  readonly refused: readonly Judgement[];
}

/**
 * Nothing is kept of an attempt that ended so. The first three are not this worker's to push for; without a sandbox, room or a hub that takes pushes
 * there is no commit; and one that could not be made, of the very same files, would not be made the second time.
 */
const NOTHING_KEPT: ReadonlySet<ErrorCode> = new Set([
  ...(["CANCELLED", "LEASE_LOST", "WORKER_STOPPED"] as const),
  ...(["SANDBOX_UNAVAILABLE", "DISK_FULL", "REPOSITORY_UNREACHABLE"] as const),
  "COMMIT_INVALID",
]);

/** A first turn that ended so never reached the agent: what there is in the workspace is the setup's. */
const AGENT_NOT_STARTED: ReadonlySet<ErrorCode> = new Set(["SECRET_MISSING", "BACKEND_NOT_INSTALLED", "INVALID_CONFIG"]);

/**
 * Keeps what the agent of a failed attempt had done: as a commit that is made and checked like any other, pushed to the attempt's own ref, where it means
 * nothing until the failed outcome names it for people to look at. Never rejects and takes the failure's place nowhere: where it cannot be done, that is
 * told beside it.
 */
export async function keepWork(context: AttemptContext, workplace: Workplace, failure: unknown): Promise<void> {
  if (!mayHaveWork(context, toSlipwayError(failure))) return;
  try {
    const kept = await context.journal.step(KEPT_STEP, () => keep(context, workplace, toSlipwayError(failure)));
    if (kept) await tell(context, "info", keptText(kept));
    else context.log.info("the failed attempt left no change to keep");
  } catch (error) {
    await tellNotKept(context, toSlipwayError(error));
  }
}

function mayHaveWork({ journal, lost }: AttemptContext, { code, details }: SlipwayError): boolean {
  if (lost.aborted || NOTHING_KEPT.has(code) || !hasBegun(journal, 1)) return false;
  return !(AGENT_NOT_STARTED.has(code) && details["turn"] === 1);
}

function keptText({ oid, why }: KeptWork): string {
  const which = why === undefined ? "" : `, ${why}`;
  return `What the agent did so far is kept on the hub as ${oid.slice(0, 12)}${which}. It is not verified and does not land.`;
}

/** The best of what the attempt has made; null where nothing differs from the base. */
async function keep(context: AttemptContext, workplace: Workplace, failure: SlipwayError): Promise<KeptWork | null> {
  const limitMs = workplace.deadline.keepMs();
  const limit = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([context.lost, limit]);
  try {
    const candidates: Candidate[] = workplace.refused.map(({ change, refusals }) => ({
      change,
      red: redOf(refusals),
      findings: countFindings(refusals),
    }));
    // The newest is among the refused where checks ended the attempt; anything else has left files that no commit was judged of.
    if (candidates.length <= workplace.take) candidates.push(...(await newest(context, workplace, failure, { limitMs, signal })));
    const best = bestOf(candidates);
    if (!best) return null;
    const { change, red, why } = best;
    await pushToOwnRef(context, workplace.repository, change.oid, limitMs, signal);
    const { refused } = workplace;
    if (refused.some((judgement) => judgement.change.oid !== change.oid)) await pushEarlierChanges(context, workplace.repository, { refused, limitMs, signal });
    return { oid: change.oid, diffStat: change.diffStat, ...(why === undefined ? {} : { why }), ...(red === undefined ? {} : { red }) };
  } catch (error) {
    context.lost.throwIfAborted();
    if (limit.aborted) throw new SlipwayError("ATTEMPT_TIMEOUT", `The ${limitMs / 1_000} s that are set aside for it were over.`, { limitMs });
    throw error;
  }
}

async function newest(
  context: AttemptContext,
  workplace: Workplace,
  failure: SlipwayError,
  { limitMs, signal }: { limitMs: number; signal: AbortSignal },
): Promise<Candidate[]> {
  const change = await commitOf(context, workplace, limitMs, signal);
  if (!change || change.empty) return [];
  // Which gates are red is known where they ended the attempt; where a turn was cut off they were not asked.
  const gates = redGates(failure);
  const checks = await judgeKept(context, workplace, change, { limitMs: limitMs / JUDGING_SHARE, signal });
  const isJudged = failure.code === "GATES_FAILED" && checks !== undefined;
  return [{ change, red: checks && [...gates, ...redOf(checks)], findings: isJudged ? gates.length + countFindings(checks) : undefined }];
}

/** Of the time that is set aside: the work still has to be pushed. */
const JUDGING_SHARE = 3;

/** That the checks could not be run, or not in time, costs nobody the work: it is kept, and nobody is told that nothing is wrong with it. */
async function judgeKept(context: AttemptContext, workplace: Workplace, change: Change, { limitMs, signal }: { limitMs: number; signal: AbortSignal }) {
  try {
    return await refusalsOfKept(context, change, workplace, AbortSignal.any([signal, AbortSignal.timeout(Math.floor(limitMs))]));
  } catch (error) {
    signal.throwIfAborted();
    context.log.warn({ err: error }, "the checks could not be run on the kept work");
    return undefined;
  }
}

/** The commit that the attempt had made before it failed, such as one out of scope, or one that is made now. */
async function commitOf(context: AttemptContext, workplace: Workplace, limitMs: number, signal: AbortSignal): Promise<TakenCommit | undefined> {
  const { sandbox, repository, take } = workplace;
  if (hasCommit(context, take)) return await recordedCommitIn(context.journal, take);
  return sandbox && (await endAndCommitKept(context, sandbox, repository, limitMs, signal));
}

async function tellNotKept(context: AttemptContext, { code, message }: SlipwayError): Promise<void> {
  if (context.lost.aborted) return;
  context.log.warn({ code, error: context.masks.text(message) }, "the failed attempt's work could not be kept");
  try {
    await tell(context, "warning", `What the agent did so far could not be kept: ${code}: ${message}`.slice(0, 20_000));
  } catch (error) {
    context.log.warn({ err: error }, "that the work could not be kept could not be spooled");
  }
}

async function tell({ events }: AttemptContext, level: "info" | "warning", text: string): Promise<void> {
  await events.emitOnce(`kept:${level}`, { kind: "notice", data: { level, text } });
}
