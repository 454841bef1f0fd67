import type { Forge, PullRequest } from "@slipway/forge/forge";
import { pushBranch } from "@slipway/git/push-branch";
import { type ErrorCode, SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail } from "@slipway/protocol/job";
import type { ControlPlane } from "../../control-plane.ts";
import { hubRoot } from "../../hub/hub-folder.ts";
import { announce } from "../../jobs/announce.ts";
import { findJobDetail } from "../../jobs/find-job.ts";
import type { DeliveryRow, PullRequestFound } from "../../store/deliveries.ts";
import { markerOf, pullRequestBody } from "./pull-request-text.ts";
import { type Way, wayTo } from "./way.ts";

/** Names that are tried where each is somebody else's branch. */
const NAMES_LIMIT = 20;

/**
 * Carries out one delivery: pushes the branch, opens or updates its pull request, marks the job done. Every step looks first whether it was made before, so that
 * a crash anywhere leads to one branch and one pull request. A delivery that was withdrawn meanwhile ends at its next step. Throws what hinders it.
 */
export async function deliver(plane: ControlPlane, delivery: DeliveryRow, signal: AbortSignal): Promise<void> {
  const way = await wayTo(plane, delivery.repoId, delivery.mode, signal);
  if (delivery.state === "withdrawn") return await closeWithdrawn(plane, delivery, way, signal);
  if (way.renamedTo !== null) {
    await tell(
      plane,
      delivery.jobId,
      `The repository was renamed: its git host has it as ${way.renamedTo} now, and that is where the branch goes. Register it anew under that address.`,
    );
  }
  const branch = await push(plane, delivery, way, signal);
  if (branch === null || !(await plane.store.markPushed(delivery.jobId, delivery.round))) return;
  const detail = await findJobDetail(plane.store, delivery.jobId);
  const found = delivery.mode === "pr" ? await openPullRequest(plane, { delivery: { ...delivery, branch }, forge: forgeOf(way), detail }, signal) : null;
  const job = await plane.store.markDelivered(delivery.jobId, delivery.round, found);
  if (job) announce(plane, job);
}

/** The branch's name once it holds the commit; null where the delivery is over. */
async function push(plane: ControlPlane, delivery: DeliveryRow, { remote }: Way, signal: AbortSignal): Promise<string | null> {
  const { jobId, ofJobId, round, oid } = delivery;
  const root = hubRoot(plane.folder, delivery.repoId);
  const isOwn = jobId === ofJobId;
  // What revises a branch may go on from what a person pushed there: its base is the branch as it was then.
  const ours = isOwn ? delivery.tried : [...delivery.tried, (await findJobDetail(plane.store, jobId)).job.baseOid];
  let { branch } = delivery;
  for (let names = 1; ; names += 1) {
    const pushed = await pushBranch(root, remote, { branch, oid, ours }, signal);
    if (pushed.kind === "pushed") return branch;
    if (pushed.kind === "refused") throw refusal(pushed.why, pushed.said, branch);
    if (!isOwn)
      throw refusal(
        "rejected",
        `somebody pushed ${pushed.kind === "taken" ? pushed.oid.slice(0, 10) : "another branch beside"} to it since the job began`,
        branch,
      );
    if (names >= NAMES_LIMIT) throw refusal("rejected", "every name that was tried is somebody else's branch", branch);
    const next = await plane.store.renameDelivery(jobId, round, nextName(branch, pushed.kind === "in-the-way"));
    if (next === null) return null;
    branch = next;
  }
}

function nextName(branch: string, isInTheWay: boolean): string {
  if (isInTheWay && branch.includes("/")) return branch.replaceAll("/", "-");
  const [, stem = branch, count] = /^(.*)-(\d{1,3})$/.exec(branch) ?? [];
  // The first number is of the job itself in most names: only one of ours is counted up.
  return count !== undefined && Number(count) >= 2 && stem.includes("-") ? `${stem}-${Number(count) + 1}` : `${branch}-2`;
}

const CODES = {
  moved: "REPOSITORY_UNREACHABLE",
  protected: "BRANCH_PROTECTED",
  rejected: "PUSH_REJECTED",
  auth: "FORGE_AUTH",
  missing: "REPOSITORY_MOVED",
  redirected: "REPOSITORY_MOVED",
} as const satisfies Record<string, ErrorCode>;

function refusal(why: keyof typeof CODES, said: string, branch: string): SlipwayError {
  return new SlipwayError(CODES[why], `The repository's address did not take the branch ${branch}: ${said}`, { branch, said, why });
}

interface Opening {
  readonly delivery: DeliveryRow;
  readonly forge: Forge;
  readonly detail: JobDetail;
}

/** Finds the pull request of the branch, or opens it: looked for by branch and by the mark in its text, it is never opened twice. */
async function openPullRequest(plane: ControlPlane, { delivery, forge, detail }: Opening, signal: AbortSignal): Promise<PullRequestFound> {
  const { branch, plan, ofJobId, jobId } = delivery;
  const isFirst = jobId === ofJobId;
  const tree = (await plane.store.getCompletion(detail.completion?.id ?? ""))?.mergedTree ?? null;
  const marker = markerOf(ofJobId);
  const body = pullRequestBody(detail, tree);
  const known = await findKnown(forge, delivery, marker, signal);
  if (known && isFirst && known.state !== "merged" && known.state !== "closed") await forge.update(known.number, { title: plan.title, body }, signal);
  const opened = known ?? (await openOrAdopt(forge, { branch, base: plan.base, title: plan.title, body, draft: plan.settings.draft !== "never" }, signal));
  if (isFirst) await dress(plane, { delivery, forge, detail }, opened, signal);
  return foundOf(opened, 0);
}

async function findKnown(forge: Forge, { branch, pullRequest }: DeliveryRow, marker: string, signal: AbortSignal): Promise<PullRequest | undefined> {
  const known = pullRequest ? await forge.read(pullRequest.number, null, signal) : await forge.find(branch, marker, signal);
  return known === "same" ? undefined : known;
}

async function openOrAdopt(forge: Forge, request: Parameters<Forge["open"]>[0], signal: AbortSignal): Promise<PullRequest> {
  try {
    return await forge.open(request, signal);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "PR_FAILED") throw error;
    // A person may have opened one from our branch by hand: a host has one for a branch.
    const byHand = await forge.find(request.branch, "", signal);
    if (byHand?.state === "open" || byHand?.state === "draft") return byHand;
    throw error;
  }
}

/** Labels and reviewers. A pull request without them is one all the same: what fails is told, and hinders nothing. */
async function dress(plane: ControlPlane, { delivery, forge }: Opening, { number }: PullRequest, signal: AbortSignal): Promise<void> {
  const { labels, reviewers } = delivery.plan.settings;
  try {
    await forge.addLabels(number, labels, signal);
    const unknown = await forge.askReviewers(number, reviewers, signal);
    if (unknown.length > 0) await tell(plane, delivery.jobId, `These accounts could not be asked for a review: ${unknown.join(", ")}.`);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code === "FORGE_UNAVAILABLE") throw error;
    await tell(plane, delivery.jobId, `Labels or reviewers of the pull request could not be set: ${error.message}`);
  }
}

/** The job was cancelled: a pull request that was opened before that was heard of is closed. */
async function closeWithdrawn(plane: ControlPlane, delivery: DeliveryRow, way: Way, signal: AbortSignal): Promise<void> {
  const forge = forgeOf(way);
  const known = await findKnown(forge, delivery, markerOf(delivery.ofJobId), signal);
  const isOpen = known !== undefined && (known.state === "open" || known.state === "draft");
  if (isOpen) await forge.close(known.number, signal);
  const found = known && foundOf({ ...known, state: isOpen ? "closed" : known.state }, null);
  await plane.store.endWithdrawn(delivery.jobId, delivery.round, found ?? null);
  plane.events.changed(delivery.jobId, "state");
}

/** What the store keeps of a pull request. */
export function foundOf({ number, url, state, headOid, etag }: PullRequest, lookInMs: number | null): PullRequestFound {
  return { number, url, state, headOid, etag, lookInMs };
}

function forgeOf({ forge }: Way): Forge {
  if (!forge) throw new SlipwayError("PR_FAILED", "No git host is configured for the repository's address.");
  return forge;
}

async function tell(plane: ControlPlane, jobId: string, text: string): Promise<void> {
  await plane.store.addEvent(jobId, { kind: "notice", data: { level: "warning", text } });
  plane.events.changed(jobId, "events");
}
