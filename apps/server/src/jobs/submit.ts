import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { JobView, SubmitJob } from "@slipway/protocol/job";
import type { LandingMode } from "@slipway/protocol/landing-modes";
import { newId } from "@slipway/protocol/scalars";
import { titleOf } from "@slipway/protocol/title-words";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { planRoute } from "../routing/plan-route.ts";
import { routeAgain } from "../routing/route-again.ts";
import type { Actor, NewJob, RepositoryRow } from "../store/store.ts";
import { adoptTarget } from "../upstream/adopt-target.ts";
import { announce } from "./announce.ts";
import { checkCritics } from "./check-critics.ts";
import { findRepository } from "./find-job.ts";
import { jobSettings } from "./job-settings.ts";
import { targetOf } from "./names.ts";
import { readRepositoryConfig } from "./repository-config.ts";
import { resolveBase } from "./resolve-base.ts";
import { takeImages } from "./take-images.ts";
import { checkPrompts, checkTaskSpec, resolveTaskSpec, reviewedOf } from "./task-spec.ts";

/** Checks all of a submission at once, resolves what it leaves open, stores it and wakes one worker. */
export async function submitJob(plane: ControlPlane, submitted: SubmitJob, by: Actor, signal: AbortSignal): Promise<{ job: JobView; deduplicated: boolean }> {
  const { images, contents } = takeImages(submitted.images);
  const input = { ...submitted, images };
  const repository = await findRepository(plane.store, input.repo);
  checkTaskSpec(input);
  const review = await reviewedOf(plane, repository, input, signal);
  const baseOid = review?.headOid ?? (await resolveBase(plane, repository, input.base ?? repository.defaultBranch, signal));
  const root = hubRoot(plane.folder, repository.id);
  // What is reviewed has no say in how.
  const trustedOid = review?.baseOid ?? baseOid;
  if (repository.url !== null && input.target !== undefined) await adoptTarget(root, input.target);
  const config = await readRepositoryConfig(root, trustedOid);
  await checkPrompts(root, trustedOid, config);
  const id = newId();
  const title = input.title?.trim() || titleOf(input.task);
  if (input.readOnly && input.target !== undefined) throw landsNothing(input.target);
  const landing = readOnlyOf(input) ? "train" : (input.landing ?? config.landing.mode);
  await checkLandingMode(plane, repository, landing, input);
  const taskSpec = await resolveTaskSpec(input, { config, root, baseOid, title, id, review });
  const readOnly = readOnlyOf(input);
  if (readOnly && input.criteria.length > 0) throw judgesNothing(input.criteria);
  const { asked, needs, fallbacks, ...settings } = jobSettings(input, config, plane.jobDefaults);
  const route = await planRoute(plane, { asked, needs, fallbacks, config: input.backendConfig, requires: input.requires, job: { ...input, readOnly } });
  const ofCritics = readOnly ? [] : await checkCritics(plane, config.critic);
  const draft: NewJob = {
    id,
    kind: "task",
    repoId: repository.id,
    task: input.task,
    title,
    ...settings,
    ...route,
    permissions: input.permissions,
    mcpServers: input.mcpServers,
    readOnly,
    images,
    allowChecks: [...new Set(input.allowChecks)],
    criteria: input.criteria,
    taskKind: input.taskKind,
    taskSpec,
    revisions: input.revisions ?? null,
    baseOid,
    landing,
    ticket: input.ticket ?? null,
    submitter: input.submitter ?? null,
    target: input.target ?? (landing === "pr" || landing === "branch" ? repository.defaultBranch : targetOf(title, id)),
    priority: input.priority,
    runAfter: input.runAfter ?? null,
    dependsOn: input.dependsOn,
    dedupeKey: input.dedupeKey ?? null,
    requires: [...new Set([...input.requires, ...ofCritics, `backend:${route.backend}`])],
    retryOf: null,
    completionId: null,
  };
  return await store(plane, draft, by, contents);
}

function readOnlyOf({ readOnly, taskKind }: Pick<SubmitJob, "readOnly" | "taskKind">): boolean {
  return readOnly || taskKind === "review";
}

/** What can never go where it is to go is refused before an agent works on it. */
async function checkLandingMode(
  plane: ControlPlane,
  { url, name }: RepositoryRow,
  landing: LandingMode,
  { landing: asked, target }: Pick<SubmitJob, "landing" | "target">,
): Promise<void> {
  const refuse = (expected: string, hint: string): never => {
    const from = asked === undefined ? "`landing.mode` of .slipway.yaml" : "the job";
    throw new SlipwayError("INVALID_REQUEST", `landing: expected ${expected}; ${from} says ${landing}.`, { field: "landing", value: landing, expected, hint });
  };
  if (landing === "none" && target !== undefined) refuse("a mode that lands, as a target is named", "Leave one of the two out: --into, or --landing none.");
  if (landing !== "pr" && landing !== "branch") return;
  if (url === null)
    refuse(
      `a repository with an address of its own, which ${name} has not`,
      "Give the checkout a remote `origin`, or register the repository with its address (`slipway repos add`); or take --landing train.",
    );
  else if (landing === "pr" && !plane.forges.settingsOf(url))
    refuse("a git host that the installation knows", "Name the host of the repository's address in `server.forges` of slipway.yaml, or take --landing branch.");
  else if (landing === "pr") await requireForgeCredential(plane, url);
}

/** It would block the job when its agent has done its work. FORGE_TOKEN_MISSING. */
async function requireForgeCredential({ forges }: ControlPlane, url: string): Promise<void> {
  try {
    await forges.open(url);
  } catch (error) {
    const { code, message, details } = toSlipwayError(error);
    if (code !== "FORGE_TOKEN_MISSING") throw error;
    const hint = String(details["hint"] ?? "Put it into the file that the details name.").replace(/ Then `slipway retry`.*$/s, "");
    throw new SlipwayError(code, message, { ...details, hint: `${hint} Then submit the job again, or take --landing branch or train.` }, { cause: error });
  }
}

function landsNothing(target: string): SlipwayError {
  const hint = "Leave one of the two out: a branch to land on (--into), or --read-only.";
  return new SlipwayError("INVALID_REQUEST", "target: a read-only job lands nothing.", { field: "target", value: target, expected: "no target", hint });
}

function judgesNothing(criteria: readonly string[]): SlipwayError {
  const hint = "Leave one of the two out: --criterion, or --read-only. What an answer must have can stand in the task.";
  const details = { field: "criteria", value: criteria, expected: "no criteria", hint };
  return new SlipwayError("INVALID_REQUEST", "criteria: a read-only job makes no change that they could be held against.", details);
}

/**
 * A blocked job goes on; a final one is submitted again as a new job from the same commit. CONFLICT for one that is at work, or whose `dedupeKey` another
 * active job has by now; BASE_NOT_FOUND where the hub no longer keeps that commit, JOB_IMAGE_MISSING where its images are gone.
 */
export async function retryJob(plane: ControlPlane, job: JobView, by: Actor, signal: AbortSignal): Promise<JobView> {
  if (job.state === "blocked") {
    const unblocked = await plane.store.unblockJob(job.id, by);
    announce(plane, unblocked);
    return unblocked;
  }
  if (job.endedAt === null)
    throw new SlipwayError("CONFLICT", `Job ${job.number} is ${job.state}; only a blocked or a final job can be tried again.`, { state: job.state });
  if (job.kind === "verify") {
    throw new SlipwayError("CONFLICT", "A verify job belongs to a completion and is not tried again by itself.", { hint: "Retry the job that it verifies." });
  }
  // Of a review that one is always among what the repository's branches have; the other may be a job's.
  await resolveBase(plane, await findRepository(plane.store, job.repo.id), job.taskSpec.review?.baseOid ?? job.baseOid, signal);
  const anew = { ...job, ...(await routeAgain(plane, job)) };
  const again = await store(plane, { ...anew, id: newId(), repoId: job.repo.id, runAfter: null, retryOf: job.id, completionId: null }, by);
  if (again.deduplicated) throw keyTaken(job, again.job);
  return again.job;
}

/** The job that has the key is somebody else's wish: it must not pass for the one that was asked for. */
function keyTaken({ number, dedupeKey }: JobView, holder: JobView): SlipwayError {
  const message = `Job ${number} cannot be tried again: job ${holder.number} has the same dedupe key and is ${holder.state}.`;
  return new SlipwayError("CONFLICT", message, {
    field: "dedupeKey",
    value: dedupeKey,
    expected: "a key that no active job has",
    job: holder.id,
    jobNumber: holder.number,
    state: holder.state,
    hint: `Follow job ${holder.number} in its place, or cancel it and retry again.`,
  });
}

/** Submits a new job, or gives back the active one with its key. JOB_IMAGE_MISSING where an image is neither kept nor among `contents`. */
export async function store(
  plane: ControlPlane,
  job: NewJob,
  by: Actor,
  contents: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<{ job: JobView; deduplicated: boolean }> {
  const submitted = await plane.jobImages.keep(job.images ?? [], contents, async () => await plane.store.submitJob(job, by));
  if (!submitted.deduplicated) announce(plane, submitted.job);
  return submitted;
}
