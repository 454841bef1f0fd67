import type { WorkerRepository } from "@slipway/git/repository";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Deadline } from "./deadline.ts";
import { inPhase, tellRerun } from "./phase.ts";
import { hasWorkspace, makeWorkspace, type WorkspaceSource } from "./prepare.ts";
import { runSetupCommands } from "./setup-commands.ts";
import type { SetupConfig } from "./setup-key.ts";
import { findSetupLayer, makeSetupLayer, type SetupPlan, shareSetupLayer } from "./setup-layer.ts";
import { warnOfLeftovers } from "./setup-leftovers.ts";

/** What a setup is for: a commit, and what the repository says of itself there. */
export interface SetupRequest {
  readonly repository: WorkerRepository;
  readonly source: WorkspaceSource;
  readonly config: SetupConfig;
  readonly plan: SetupPlan;
}

/** Makes the workspace, with what an earlier setup made of such a commit in it. Where that has still to be made, the setup makes the workspace too. */
export async function prepareFiles(context: AttemptContext, repository: WorkerRepository, source: WorkspaceSource, config: SetupConfig): Promise<SetupPlan> {
  const plan = await findSetupLayer(context, repository, source, config);
  if (plan.kind !== "make") await makeWorkspace(context, repository, source, plan.kind === "kept" ? plan.layer : undefined);
  return plan;
}

/**
 * Makes the workspace ready by the repository's setup commands: in the workspace itself, or, where the repository names their outputs, in a clean one
 * that others share. SETUP_FAILED names the command, its exit code and its last lines; OUT_OF_MEMORY.
 */
export async function setUp(context: AttemptContext, sandbox: Sandbox, request: SetupRequest, deadline: Deadline): Promise<void> {
  const { config, plan } = request;
  if (config.setup.commands.length === 0) return;
  await tellRerun(context, "setup", "setup:done", "the setup");
  const work = (): Promise<string | null> => context.journal.step("setup:done", () => runSetup(context, sandbox, request, deadline));
  await inPhase(context, "setup", "setup", work, { detailOf: (detail) => detail ?? undefined });
  // The workspace of an earlier life of this worker is checked like any other.
  if (plan.kind === "make") await makeWorkspace(context, request.repository, request.source);
}

/** Answers with what is to be told of it. */
async function runSetup(context: AttemptContext, sandbox: Sandbox, request: SetupRequest, deadline: Deadline): Promise<string | null> {
  const { plan, repository, source } = request;
  if (plan.kind === "kept") {
    await shareSetupLayer(context, plan.layer, plan.keys, source);
    return `kept, made by job ${plan.layer.job}`;
  }
  if (plan.kind === "make") {
    if (hasWorkspace(context)) return null;
    const layer = await makeSetupLayer(context, { ...request, keys: plan.keys }, deadline);
    await makeWorkspace(context, repository, source, layer);
    return layer.job === context.claim.job.number ? null : `kept, made by job ${layer.job}`;
  }
  await runSetupCommands(context, sandbox, request.config, deadline);
  await warnOfLeftovers(context, sandbox, deadline);
  return null;
}
