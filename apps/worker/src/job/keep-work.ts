import type { TakenCommit } from "@slipway/git/commit";
import type { WorkerRepository } from "@slipway/git/repository";
import { type ErrorCode, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { KeptWork } from "@slipway/protocol/worker-api";
import type { AttemptContext } from "../attempt/context.ts";
import { KEPT_STEP } from "../attempt/report.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { endAndCommitKept, hasCommit, recordedCommitIn } from "./commit.ts";
import type { Deadline } from "./deadline.ts";
import { pushToOwnRef } from "./push.ts";
import { hasBegun } from "./turn.ts";

/** What the commit needs: the agent's sandbox is undefined where an earlier life of this worker has made the commit already. */
interface Workplace {
  readonly repository: WorkerRepository;
  readonly deadline: Deadline;
  readonly sandbox: Sandbox | undefined;
  /** Which commit the agent worked for; one that a check refused came before it. */
  readonly take: number;
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
    const kept = await context.journal.step(KEPT_STEP, () => keep(context, workplace));
    if (kept) await tell(context, "info", `What the agent did so far is kept on the hub as ${kept.oid.slice(0, 12)}. It is not verified and does not land.`);
    else context.log.info("the failed attempt left no change to keep");
  } catch (error) {
    await tellNotKept(context, toSlipwayError(error));
  }
}

function mayHaveWork({ journal, lost }: AttemptContext, { code, details }: SlipwayError): boolean {
  if (lost.aborted || NOTHING_KEPT.has(code) || !hasBegun(journal, 1)) return false;
  return !(AGENT_NOT_STARTED.has(code) && details["turn"] === 1);
}

/** Null where nothing differs from the base. */
async function keep(context: AttemptContext, workplace: Workplace): Promise<KeptWork | null> {
  const limitMs = workplace.deadline.keepMs();
  const limit = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([context.lost, limit]);
  try {
    const commit = await commitOf(context, workplace, limitMs, signal);
    if (!commit || commit.empty) return null;
    await pushToOwnRef(context, workplace.repository, commit.oid, limitMs, signal);
    return { oid: commit.oid, diffStat: commit.diffStat };
  } catch (error) {
    context.lost.throwIfAborted();
    if (limit.aborted) throw new SlipwayError("ATTEMPT_TIMEOUT", `The ${limitMs / 1_000} s that are set aside for it were over.`, { limitMs });
    throw error;
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
