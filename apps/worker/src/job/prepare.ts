import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { mountsBelow, unmountBelow } from "@slipway/git/bases/mounts";
import type { UsedSetupLayer } from "@slipway/git/bases/setup-layers";
import { fetchCommit, openWorkerRepository, type WorkerRepository } from "@slipway/git/repository";
import { addWorkspace, findMetadata } from "@slipway/git/workspace";
import { SlipwayError } from "@slipway/protocol/errors";
import type { AttemptContext } from "../attempt/context.ts";
import type { Deadline } from "./deadline.ts";
import { withHub } from "./retry.ts";

/** The branch that the agent's private git directory is on. */
export const WORK_BRANCH = "slipway/work";

const WORKSPACE_STEP = "workspace";

export interface WorkspaceSource {
  readonly oid: string;
  /** Which of the hub's stores has the commit. */
  readonly from: "upstream" | "jobs";
}

/** Opens the worker's own stores of the repository: from here on it is known what a sandbox must see of them. REPOSITORY_UNREACHABLE. */
export async function openRepository(context: AttemptContext, deadline: Deadline): Promise<WorkerRepository> {
  const { claim, paths } = context;
  return await withHub(context.signal, deadline.prepareMs(), (signal) => openWorkerRepository(paths.repository, claim.hub, signal));
}

/** Brings the commit to this machine. REPOSITORY_UNREACHABLE. */
export async function bringCommit(context: AttemptContext, repository: WorkerRepository, source: WorkspaceSource, deadline: Deadline): Promise<void> {
  const { claim } = context;
  await withHub(context.signal, deadline.prepareMs(), (signal) => fetchCommit(repository, claim.hub, source.oid, source.from, signal));
}

/** Whether an earlier life of this worker made the workspace. */
export function hasWorkspace({ journal }: AttemptContext): boolean {
  return journal.has(WORKSPACE_STEP);
}

/** Has the base made that the workspace will lie on, while it is not known yet what else goes into it. */
export async function makeBase(context: AttemptContext, repository: WorkerRepository, { oid, from }: WorkspaceSource): Promise<void> {
  const { shared, signal } = context;
  if (shared && !hasWorkspace(context)) await shared.bases.use(shared.layer, { repository, oid, withJobObjects: from === "jobs" }, signal);
}

/** Makes the workspace from a commit that is here, once, with a setup's work in it. WORKSPACE_FAILED, also where it was made and is mounted no longer. */
export async function makeWorkspace(context: AttemptContext, repository: WorkerRepository, source: WorkspaceSource, setup?: UsedSetupLayer): Promise<void> {
  const { journal, paths, shared, signal } = context;
  const make = async (): Promise<null> => {
    await Promise.all([paths.work, paths.home, paths.workspace].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
    await clearHalfMade(repository, paths.workspace);
    const wanted = { workspace: paths.workspace, baseOid: source.oid, withJobObjects: source.from === "jobs", branchName: WORK_BRANCH, shared, setup, signal };
    const { base } = await addWorkspace(repository, wanted);
    if (base) context.log.debug({ base }, "workspace made of a base");
    // Above a base all is theirs already, and a walk over it would copy it.
    if (shared?.kind !== "overlay") await context.provider.giveTo?.(paths.workspace);
    return null;
  };
  const isMounted = async (): Promise<boolean> => (await mountsBelow(paths.workspace)).length > 0;
  if (shared?.kind === "overlay" && hasWorkspace(context) && !(await isMounted()))
    throw new SlipwayError("WORKSPACE_FAILED", "The workspace is mounted no longer; somebody took it away while the worker was not there.");
  await journal.step(WORKSPACE_STEP, make);
}

/** Takes away what a killed worker left half made. The folder itself stays: a warm sandbox may already have it mounted. */
async function clearHalfMade(repository: WorkerRepository, workspace: string): Promise<void> {
  await unmountBelow(workspace);
  for (const name of await readdir(workspace)) await rm(join(workspace, name), { recursive: true, force: true });
  const metadata = await findMetadata(repository, workspace);
  if (metadata) await rm(metadata, { recursive: true, force: true });
}
