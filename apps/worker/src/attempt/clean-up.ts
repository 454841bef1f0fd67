import { existsSync } from "node:fs";
import { openWorkerRepository } from "@slipway/git/repository";
import { removeWorkspace } from "@slipway/git/workspace";
import type { JobView } from "@slipway/protocol/job";
import { isFinal } from "@slipway/protocol/states";
import type { Claim } from "@slipway/protocol/worker-api";
import type { Logger } from "pino";
import type { Place } from "../daemon/places.ts";
import { removeOwned } from "../daemon/remove-owned.ts";
import type { OpenAttempt } from "./open-attempt.ts";
import type { AttemptServices } from "./services.ts";

/** The worktree's metadata are in a store on this machine; this is for the rare one that must be fetched first. */
const REPOSITORY_LIMIT_MS = 10_000;

/** Ends and removes all that is left of an attempt, each thing by its own path. What fails is logged and tried again at the next start. */
export async function cleanUp(services: AttemptServices, attempt: OpenAttempt, job: JobView | undefined): Promise<void> {
  const { claim, place, provider, journal, spool, paths, log } = attempt;
  try {
    await provider.endAll();
    await journal[Symbol.asyncDispose]();
    await spool[Symbol.asyncDispose]();
    if (attempt.keptHome) services.homes.release(claim.job.id);
    await removeTraces(services, { claim, place, root: paths.root, keptHome: attempt.keptHome, isOver: job !== undefined && isFinal(job.state) }, log);
  } catch (error) {
    log.error({ err: error, sandbox: place.id }, "something of the attempt could not be removed; the next start of the worker tries again");
  } finally {
    // Not sooner: what listened there has ended.
    attempt.ports[Symbol.dispose]();
  }
}

export interface Traces {
  readonly claim: Claim;
  readonly place: Place;
  readonly root: string;
  readonly keptHome: boolean;
  /** True where the job is known to be final: its home goes too. */
  readonly isOver: boolean;
}

/** Removes workspace, place and attempt folder; the home of a job that may go on is kept. Nothing may run there any more. */
export async function removeTraces(services: Pick<AttemptServices, "folders" | "homes" | "workspaces">, traces: Traces, log: Logger): Promise<void> {
  const { folders, homes } = services;
  const { claim, place, root, isOver } = traces;
  await removeLinkedWorkspace(folders.repositories, claim, place, log);
  if (claim.job.kind === "task" && isOver) await homes.remove(claim.job.id);
  else if (claim.job.kind === "task" && !traces.keptHome) await homes.keep(claim.job.id, place.home);
  await services.workspaces.removePlace(place);
  await removeOwned(root, folders.attempts);
}

/** git keeps metadata of each workspace in the worker's store. Where that store cannot be opened the folder still goes. */
async function removeLinkedWorkspace(repositories: string, claim: Claim, place: Place, log: Logger): Promise<void> {
  const store = `${repositories}/${claim.job.repo.id}`;
  if (!existsSync(`${store}/upstream.git`)) return;
  try {
    await removeWorkspace(await openWorkerRepository(store, claim.hub, AbortSignal.timeout(REPOSITORY_LIMIT_MS)), place.workspace);
  } catch (error) {
    log.warn({ err: error }, "the workspace's metadata could not be removed");
  }
}
