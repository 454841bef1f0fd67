import type { Checks, Feedback, Forge, PullRequest } from "@slipway/forge/forge";
import { type SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../../control-plane.ts";
import { readScorecard } from "../../evidence/scorecard.ts";
import { findJobDetail } from "../../jobs/find-job.ts";
import type { WatchedPullRequest } from "../../store/deliveries.ts";
import { foundOf } from "./deliver.ts";
import { scorecardMarkerOf, scorecardText } from "./pull-request-text.ts";
import { revise } from "./revise.ts";
import { wayTo } from "./way.ts";

/** What a look at a pull request came to; `note` is for people. */
export interface Looked {
  readonly revision: JobView | null;
  readonly note: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A host may not have begun its checks before this, in ms; what has none then has none. */
const CHECKS_BEGIN_MS = 120_000;
/** After a look that failed, in ms. */
const AFTER_FAILURE_MS = 300_000;

/**
 * Looks at a pull request: keeps its state, writes the scorecard, has its reviews and failing checks revised, marks it ready, merges it where all of that is
 * wanted. Its failure is told in the log alone, and there is another look later; `sync` throws it to who asked.
 */
export async function look(plane: ControlPlane, watched: WatchedPullRequest, signal: AbortSignal): Promise<void> {
  try {
    await lookNow(plane, watched, signal);
  } catch (error) {
    if (signal.aborted) return;
    const { code, message, details } = toSlipwayError(error);
    plane.log.warn({ jobId: watched.jobId, code, reason: message }, "a pull request could not be looked at");
    const asked = details["retryAfterMs"];
    await plane.store.postponeLook(watched.jobId, Math.max(AFTER_FAILURE_MS, typeof asked === "number" ? asked : 0));
  }
}

export async function lookNow(plane: ControlPlane, watched: WatchedPullRequest, signal: AbortSignal): Promise<Looked> {
  const { forge, remote } = await wayTo(plane, watched.repoId, "pr", signal);
  if (!forge) return { revision: null, note: "No git host is configured for it." };
  const answer = await forge.read(watched.number, watched.etag, signal);
  const isSame = answer === "same";
  const now = isSame ? await whole(forge, watched, signal) : answer;
  if (now.state === "merged" || now.state === "closed") {
    await plane.store.keepPullRequest(watched.jobId, foundOf(now, null));
    plane.events.changed(watched.jobId, "state");
    return { revision: null, note: `The pull request is ${now.state}.` };
  }
  const writes = await writeScorecards(plane, watched, forge, signal);
  const checks = await forge.checks(now.headOid, signal);
  // What people say changes the pull request's own etag; what checks say does not.
  const feedback = isSame ? [] : await forge.feedback(now.number, signal);
  await markReady(watched, { now, checks, forge }, signal);
  const outcome = await revise(plane, { watched, now, checks, feedback, remote }, signal);
  const merged = outcome.revision === null && (await mergeWhenGreen(plane, watched, { now, checks, feedback, forge }, signal));
  const after = merged ? await whole(forge, watched, signal) : now;
  // The etag is that of what was answered: where something was left for later, the next look reads all of it again.
  const etag = outcome.isLater ? null : after.etag;
  const isOver = after.state === "merged" || after.state === "closed";
  await plane.store.keepPullRequest(watched.jobId, { ...foundOf(after, isOver ? null : nextLookMs(plane, watched)), etag });
  if (writes || merged || after.state !== watched.state) plane.events.changed(watched.jobId, "state");
  return { revision: outcome.revision, note: merged ? "All its checks pass: it is merged." : outcome.note };
}

async function whole(forge: Forge, { number }: WatchedPullRequest, signal: AbortSignal): Promise<PullRequest> {
  const read = await forge.read(number, null, signal);
  if (read === "same") throw new Error("a pull request without an etag was the same");
  return read;
}

/** Young ones often, old ones less; a month after its opening nobody looks but who asks for it. */
function nextLookMs({ pullRequestPollMs }: ControlPlane, { openedAt }: WatchedPullRequest): number | null {
  const ageMs = Date.now() - openedAt;
  if (ageMs > 30 * DAY_MS) return null;
  return pullRequestPollMs * (ageMs < HOUR_MS ? 1 : ageMs < DAY_MS ? 5 : 30);
}

/** Of the newest job of the branch that is done, once. True where one was written. */
async function writeScorecards(plane: ControlPlane, watched: WatchedPullRequest, forge: Forge, signal: AbortSignal): Promise<boolean> {
  if (!watched.plan.settings.scorecard) return false;
  const newest = await plane.store.newestDelivered(watched.jobId);
  const key = `scorecard-${newest}`;
  if (newest === null || watched.seen.includes(key)) return false;
  const detail = await findJobDetail(plane.store, String(newest));
  await forge.setComment(watched.number, scorecardMarkerOf(watched.jobId), scorecardText(await readScorecard(plane, detail), newest), signal);
  await plane.store.addSeen(watched.jobId, [key]);
  return true;
}

interface Seen {
  readonly now: PullRequest;
  readonly checks: Checks;
  readonly forge: Forge;
}

async function markReady({ plan, openedAt }: WatchedPullRequest, { now, checks, forge }: Seen, signal: AbortSignal): Promise<void> {
  if (now.state !== "draft" || plan.settings.draft !== "until-green") return;
  const hasNone = checks.state === "none" && Date.now() - openedAt >= CHECKS_BEGIN_MS;
  if (checks.state === "green" || hasNone) await forge.setDraft(now.number, false, signal);
}

/** Only what was verified here and is green there, with no open wish for changes. What hinders it is tried again at the next look. */
async function mergeWhenGreen(
  plane: ControlPlane,
  watched: WatchedPullRequest,
  { now, checks, feedback, forge }: Seen & { readonly feedback: readonly Feedback[] },
  signal: AbortSignal,
): Promise<boolean> {
  const { merge, mergeMethod } = watched.plan.settings;
  if (merge !== "when-green" || now.state !== "open" || checks.state !== "green" || now.mergeable === false || watched.isBusy) return false;
  if (feedback.some(({ kind, mayWrite }) => kind === "change-request" && mayWrite)) return false;
  const delivery = await plane.store.getDelivery(watched.jobId);
  if (!delivery?.tried.includes(now.headOid)) return false;
  try {
    await forge.merge(now.number, { oid: now.headOid, method: mergeMethod }, signal);
    return true;
  } catch (error) {
    const { code, message } = error as SlipwayError;
    if (code !== "PR_FAILED" && code !== "FORGE_AUTH") throw error;
    plane.log.warn({ jobId: watched.jobId, code, reason: message }, "a pull request could not be merged");
    return false;
  }
}
