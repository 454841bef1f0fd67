import type { WorkerRepository } from "@slipway/git/repository";
import { addWorkspace, removeWorkspace } from "@slipway/git/workspace";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import { newId } from "@slipway/protocol/scalars";
import type { AttemptContext } from "../attempt/context.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Deadline } from "./deadline.ts";
import { WORK_BRANCH, type WorkspaceSource } from "./prepare.ts";
import { runSetupCommands, type SetupLog } from "./setup-commands.ts";
import { keptSetup } from "./setup-layer.ts";
import { orWorkspaceFull } from "./workspace-full.ts";

/** A commit to be looked at where no agent of the job has been. */
export interface CleanCheckout {
  readonly repository: WorkerRepository;
  readonly source: WorkspaceSource;
  /** The commit whose setup fits it. */
  readonly setupSource: WorkspaceSource;
  readonly config: Pick<RepositoryConfig, "setup" | "egress">;
  readonly deadline: Deadline;
  /** Where the output of a setup goes that has to run for this alone. */
  readonly setupLog: SetupLog;
}

/**
 * Does `work` in a sandbox over a clean checkout with the setup's work in it, in a place and a home of their own, which are gone afterwards. SETUP_FAILED,
 * WORKSPACE_FULL, WORKSPACE_FAILED, SANDBOX_UNAVAILABLE.
 */
export async function inCleanCheckout<T>(
  context: AttemptContext,
  { repository, source, setupSource, config, deadline, setupLog }: CleanCheckout,
  work: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const { signal } = context;
  await using side = await context.sidePlace();
  const { shared, provider } = side;
  const { workspace, home, spool, control } = side.place;
  try {
    const setup = await keptSetup(context, repository, setupSource, config);
    const commit = { baseOid: source.oid, withJobObjects: source.from === "jobs" };
    await addWorkspace(repository, { workspace, ...commit, branchName: WORK_BRANCH, shared, setup, signal });
    if (shared?.kind !== "overlay") await provider.giveTo?.(workspace);
    const readOnly = [...context.toolchains, ...repository.upstreamObjects];
    await using sandbox = await provider.start({ id: newId(), workspace, home, spool, control, readOnly, runner: false }, signal);
    if (setup === undefined && config.setup.commands.length > 0) await runSetupCommands(context, sandbox, config, deadline, setupLog);
    return await work(sandbox);
  } catch (error) {
    signal.throwIfAborted();
    throw await orWorkspaceFull(side, error);
  } finally {
    await removeWorkspace(repository, workspace);
  }
}
