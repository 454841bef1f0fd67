import { diffPatch } from "@slipway/git/hub";
import { JobPrompts } from "@slipway/prompts/job-prompts";
import type { FilledPrompt } from "@slipway/prompts/prompt-book";
import { reviewValues } from "@slipway/prompts/review-values";
import { CHECK_NAMES } from "@slipway/protocol/checks";
import { configOfKind } from "@slipway/protocol/config-of-kind";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SubmitJob } from "@slipway/protocol/job";
import type { JobPreview } from "@slipway/protocol/preview";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { Reviewed, TaskSpec } from "@slipway/protocol/task-kinds";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { type PlannedJob, planJob } from "./plan-job.ts";

/** What a submission would come to now. Refused as the submission would be; stores, fetches and wakes nothing. */
export async function previewJob(plane: ControlPlane, submitted: SubmitJob, signal: AbortSignal): Promise<JobPreview> {
  const planned = await planJob(plane, submitted, signal, { look: true });
  const { draft, repository } = planned;
  const { taskKind = "develop", taskSpec = {}, readOnly = false, landing = "train", routing = null } = draft;
  const config = configOfKind({ taskKind, taskSpec }, planned.config);
  const { text, used } = await firstPrompt(plane, planned, { config, taskSpec });
  const isNew = submitted.target === undefined && landing === "train";
  return {
    repo: { id: repository.id, name: repository.name },
    title: draft.title,
    taskKind,
    readOnly,
    base: { asked: submitted.base ?? repository.defaultBranch, oid: draft.baseOid },
    landing,
    target: readOnly || landing === "none" ? null : { branch: draft.target, isNew },
    backend: draft.backend,
    backendConfig: draft.backendConfig,
    fallbacks: (routing?.route ?? []).slice((routing?.at ?? 0) + 1).map(({ backend }) => backend),
    candidates: routing?.candidates ?? [],
    setup: config.setup.commands,
    gates: (readOnly ? [] : config.gates).map(({ name, run, needs = [], paths = [], timeoutSeconds }) => ({ name, run, needs, paths, timeoutSeconds })),
    repairs: config.repairs,
    checks: readOnly ? [] : checksOf(config, draft.allowChecks ?? []),
    critic: readOnly ? null : criticOf(config),
    scope: config.scope,
    budget: draft.budget,
    lane: draft.lane,
    timeoutMs: draft.timeoutMs,
    maxAttempts: draft.maxAttempts,
    requires: [...draft.requires],
    prompt: { text, template: used },
  };
}

function checksOf({ checks }: RepositoryConfig, allowed: readonly string[]): JobPreview["checks"] {
  return CHECK_NAMES.flatMap((name) => {
    const level = checks[name];
    return level === "off" ? [] : [{ name, level, allowed: allowed.includes(name) }];
  });
}

function criticOf({ critic }: RepositoryConfig): JobPreview["critic"] {
  if (!critic) return null;
  const critics = critic.critics.map(({ name, model, backend }) => ({ name, by: model ? `model ${model.provider}/${model.name}` : `backend ${backend}` }));
  return { critics, level: critic.level, quorum: critic.quorum ?? critics.length };
}

/** As its worker would fill it; images are named behind it there. */
async function firstPrompt(
  plane: ControlPlane,
  { draft, prompts, repository, review }: PlannedJob,
  { config, taskSpec }: { readonly config: RepositoryConfig; readonly taskSpec: TaskSpec },
): Promise<FilledPrompt> {
  const { task, taskKind = "develop", criteria = [] } = draft;
  const of = new JobPrompts(prompts, { task, taskKind, taskSpec, criteria: [...criteria] }, config);
  if (!review) return of.fill(draft.readOnly ? "answer" : "task");
  return of.fill("task", reviewValues(review, await reviewedPatch(hubRoot(plane.folder, repository.id), review)));
}

/** Undefined for one that is too large to be shown. */
async function reviewedPatch(root: string, { baseOid, headOid }: Reviewed): Promise<string | undefined> {
  try {
    return await diffPatch(root, baseOid, headOid, "names");
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "PAYLOAD_TOO_LARGE") return undefined;
    throw error;
  }
}
