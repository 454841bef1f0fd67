import type { PromptBook } from "@slipway/prompts/prompt-book";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { SubmitJob } from "@slipway/protocol/job";
import type { LandingMode } from "@slipway/protocol/landing-modes";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import { newId } from "@slipway/protocol/scalars";
import type { Reviewed } from "@slipway/protocol/task-kinds";
import { titleOf } from "@slipway/protocol/title-words";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { planRoute } from "../routing/plan-route.ts";
import type { NewJob, RepositoryRow } from "../store/store.ts";
import { adoptTarget } from "../upstream/adopt-target.ts";
import { checkCritics } from "./check-critics.ts";
import { findRepository } from "./find-job.ts";
import { jobSettings } from "./job-settings.ts";
import { targetOf } from "./names.ts";
import { readRepositoryConfig } from "./repository-config.ts";
import { resolveBase, resolveKnownBase } from "./resolve-base.ts";
import { takeImages } from "./take-images.ts";
import { checkTaskSpec, openPrompts, resolveTaskSpec, reviewedOf } from "./task-spec.ts";

/** What a submission comes to. */
export interface PlannedJob {
  readonly draft: NewJob;
  /** Bytes of its images, by their digests. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly repository: RepositoryRow;
  /** The repository's own, as the job is run by it. */
  readonly config: RepositoryConfig;
  readonly prompts: PromptBook;
  readonly review: Reviewed | undefined;
}

/**
 * Checks all of a submission at once and resolves what it leaves open. With `look` only: what the hub knows counts, nothing is fetched, and no branch of the address
 * becomes one of the hub's.
 */
export async function planJob(plane: ControlPlane, submitted: SubmitJob, signal: AbortSignal, { look = false } = {}): Promise<PlannedJob> {
  const { images, contents } = takeImages(submitted.images);
  const input = { ...submitted, images };
  const repository = await findRepository(plane.store, input.repo);
  checkTaskSpec(input);
  const resolve = (base: string): Promise<string> => (look ? resolveKnownBase(plane, repository, base) : resolveBase(plane, repository, base, signal));
  const review = await reviewedOf(plane, repository, input, resolve);
  const baseOid = review?.headOid ?? (await resolve(input.base ?? repository.defaultBranch));
  const root = hubRoot(plane.folder, repository.id);
  // What is reviewed has no say in how.
  const trustedOid = review?.baseOid ?? baseOid;
  if (!look && repository.url !== null && input.target !== undefined) await adoptTarget(root, input.target);
  const config = await readRepositoryConfig(root, trustedOid);
  const prompts = await openPrompts(root, trustedOid, config);
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
  return { draft, contents, repository, config, prompts, review };
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
