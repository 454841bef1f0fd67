import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fetchCommit, openWorkerRepository, type WorkerRepository } from "@slipway/git/repository";
import { addWorkspace, findMetadata } from "@slipway/git/workspace";
import type { AttemptContext } from "../attempt/context.ts";
import { whileUnreachable } from "./retry.ts";

/** Tries again this often where the hub does not answer; about ten seconds in all. */
export const HUB_RETRIES = 8;
/** The branch that the agent's private git directory is on. */
const WORK_BRANCH = "slipway/work";

export interface WorkspaceSource {
  readonly oid: string;
  /** Which of the hub's stores has the commit. */
  readonly from: "upstream" | "jobs";
}

/** Brings the commit to this machine and makes the workspace from it, once. REPOSITORY_UNREACHABLE, WORKSPACE_FAILED. */
export async function prepareWorkspace(context: AttemptContext, source: WorkspaceSource): Promise<WorkerRepository> {
  const { claim, paths, signal } = context;
  const repository = await whileUnreachable(signal, () => openWorkerRepository(paths.repository, claim.hub, signal), HUB_RETRIES);
  await context.journal.step("workspace", async () => {
    await whileUnreachable(signal, () => fetchCommit(repository, claim.hub, source.oid, source.from, signal), HUB_RETRIES);
    await Promise.all([paths.work, paths.home, paths.workspace].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
    await clearHalfMade(repository, paths.workspace);
    await addWorkspace(repository, { workspace: paths.workspace, baseOid: source.oid, withJobObjects: source.from === "jobs", branchName: WORK_BRANCH });
    return null;
  });
  return repository;
}

/** Takes away what a killed worker left half made. The folder itself stays: a warm sandbox may already have it mounted. */
async function clearHalfMade(repository: WorkerRepository, workspace: string): Promise<void> {
  for (const name of await readdir(workspace)) await rm(join(workspace, name), { recursive: true, force: true });
  const metadata = await findMetadata(repository, workspace);
  if (metadata) await rm(metadata, { recursive: true, force: true });
}
