import { conflictsOnHub } from "@slipway/git/hub-merges";
import { landedSince } from "@slipway/git/landed-since";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Failure, JobDetail, JobView } from "@slipway/protocol/job";
import { type LandedMeanwhile, REVISION_LIMITS, type Revision, revisionText } from "@slipway/protocol/revisions";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { findJobDetail } from "../jobs/find-job.ts";
import { readRepositoryConfig } from "../jobs/repository-config.ts";
import type { CompletionRow } from "../store/store.ts";
import { redOnMerge } from "./red-on-merge.ts";
import { targetOid } from "./target-oid.ts";

/** `why`: for people, where that is worth a word. */
export type RevisionPlan = { readonly kind: "revise"; readonly revision: Revision; readonly reason: string } | { readonly kind: "none"; readonly why?: string };

const NONE: RevisionPlan = { kind: "none" };

/**
 * Whether the agent of a rejected change gets another turn, and what it is told. Only what others have landed meanwhile is a reason: a conflict with it, or a gate
 * that is red with it and was not without. The target's own rules say how often, and the job's budget has to have something left.
 */
export async function planRevision(plane: ControlPlane, completion: CompletionRow, failure: Failure): Promise<RevisionPlan> {
  const cause = causeOf(completion, failure);
  if (!cause) return NONE;
  const detail = await findJobDetail(plane.store, completion.jobId);
  const { job, acceptance } = detail;
  // What a person accepted is this very change, and a cassette has no answers to what was never asked.
  if (acceptance !== null || job.replay !== null) return NONE;
  if (completion.isForeign) return { kind: "none", why: "Nobody here made these commits: a person decides over the branch (`slipway repos resolve`)." };
  const root = hubRoot(plane.folder, completion.repoId);
  const onto = await targetOid(plane, completion, job);
  // Where nothing landed since its base, a red gate is about the change alone: its agent has had its repairs.
  if (onto === null || (cause === "gates" && onto === completion.baseOid)) return NONE;
  const of = job.revisions ?? (await allowedRevisions(plane, root, onto));
  const made = job.revision?.number ?? 0;
  if (of === 0) return NONE;
  if (made >= of) return { kind: "none", why: `No revision is left: ${made} of ${of} ${made === 1 ? "was" : "were"} made.` };
  const spent = spentBudget(job);
  if (spent !== undefined) return { kind: "none", why: `Its agent gets no revision: ${spent}.` };
  const paths = cause === "conflict" ? await conflictingPaths(root, completion, onto, failure) : [];
  const revision: Revision = {
    number: made + 1,
    of,
    cause,
    code: failure.code,
    message: failure.message.slice(0, 20_000),
    at: Date.now(),
    target: completion.target,
    targetOid: onto,
    workOid: completion.oid,
    baseOid: completion.baseOid,
    fence: attemptOf(detail),
    paths,
    others: await landedMeanwhile(plane, completion.repoId, { from: completion.baseOid, to: onto, paths }),
    ...(cause === "gates" ? await redOnMerge(plane, failure) : { verifyJob: null, gates: [] }),
  };
  return { kind: "revise", revision, reason: revisionText(revision) };
}

function causeOf({ mergedOid, oid }: CompletionRow, { code }: Failure): Revision["cause"] | undefined {
  if (code === "MERGE_CONFLICT") return "conflict";
  return code === "GATES_FAILED" && mergedOid !== null && mergedOid !== oid ? "gates" : undefined;
}

/** By the target's own file. One that cannot be read is told of by whatever needs it; here it means that nothing is allowed. */
async function allowedRevisions(plane: ControlPlane, root: string, targetOid: string): Promise<number> {
  try {
    return (await readRepositoryConfig(root, targetOid)).landing.revisions;
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    plane.log.warn({ err: error, targetOid }, "the rules for revisions cannot be read at the target; there are none");
    return 0;
  }
}

/** What of the job's own budget is used up; undefined where there is something left. */
function spentBudget({ budget, usage }: JobView): string | undefined {
  const tokens = usage.inputTokens + usage.outputTokens;
  if (budget.tokens !== undefined && tokens >= budget.tokens) return `its budget of ${budget.tokens} tokens is used up`;
  if (budget.usd !== undefined && usage.costUsd >= budget.usd) return `its budget of ${budget.usd} US dollars is used up`;
  return undefined;
}

/** As the target is now; where it would merge by now, as the integrator met it. */
async function conflictingPaths(root: string, { baseOid, oid }: CompletionRow, targetOid: string, failure: Failure): Promise<string[]> {
  const found = (await conflictsOnHub(root, { base: baseOid, ours: targetOid, theirs: oid })).map(({ path }) => path);
  const told = failure.details["paths"];
  const paths = found.length > 0 || !Array.isArray(told) ? found : told.filter((path) => typeof path === "string");
  return paths.slice(0, REVISION_LIMITS.paths).map((path) => path.slice(0, 4_096));
}

/** The attempt that made the change. */
function attemptOf({ attempts, job }: JobDetail): number {
  return attempts.findLast(({ outcome }) => outcome === "change")?.fence ?? job.fence;
}

async function landedMeanwhile(
  plane: ControlPlane,
  repoId: string,
  between: { readonly from: string; readonly to: string; readonly paths: readonly string[] },
): Promise<LandedMeanwhile[]> {
  const commits = await landedSince(hubRoot(plane.folder, repoId), { ...between, limit: REVISION_LIMITS.others });
  return await Promise.all(
    commits.map(async ({ oid, subject, jobId }) => {
      const job = jobId === null ? undefined : await plane.store.getJob(jobId);
      // Anybody can write a trailer: what another repository's job is about is nothing for this one.
      const isOwn = job?.repo.id === repoId;
      return { oid, subject: short(subject), job: job && isOwn ? { number: job.number, title: short(job.title), task: short(job.task) } : null };
    }),
  );
}

function short(text: string): string {
  return text.slice(0, REVISION_LIMITS.textCharacters).toWellFormed();
}
