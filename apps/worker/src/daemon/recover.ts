import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { forgetWorkspace } from "@slipway/git/workspace";
import type { RegisteredWorker } from "@slipway/protocol/worker-api";
import { type AttemptState, BOOT_ID, readAttempts } from "../attempt/attempt-state.ts";
import { removeTraces } from "../attempt/clean-up.ts";
import type { AttemptServices } from "../attempt/services.ts";
import { type Place, placeAt, readRecords } from "./places.ts";
import { removeOwned } from "./remove-owned.ts";

type RecoverServices = Pick<AttemptServices, "folders" | "homes" | "provider" | "workspaces" | "log">;

/**
 * What an earlier worker process left: attempts whose lease is still ours come back, to be run again with their journal; of all others, of those from
 * before a start of the machine, and of sandboxes that no job had yet, the processes are ended by their record and the folders removed. Touches nothing
 * outside the worker's own folder.
 */
export async function recover(services: RecoverServices, live: RegisteredWorker["live"]): Promise<AttemptState[]> {
  const { folders, log } = services;
  const ours = new Set(live.map(({ jobId, fence }) => `${jobId}-${fence}`));
  const resumed: AttemptState[] = [];
  for (const { root, state } of await readAttempts(folders.attempts)) {
    if (!state) await removeOwned(root, folders.attempts);
    else if (ours.has(`${state.claim.job.id}-${state.claim.fence}`) && state.bootId === BOOT_ID) resumed.push(state);
    else await abandon(services, root, state);
  }
  await removeLeftPlaces(services, new Set(resumed.map(({ placeId }) => placeId)));
  await removeStrays(services, resumed);
  if (resumed.length > 0)
    log.info({ attempts: resumed.map(({ claim }) => ({ jobId: claim.job.id, fence: claim.fence })) }, "attempts of the worker's earlier life go on");
  return resumed;
}

async function abandon(services: RecoverServices, root: string, state: AttemptState): Promise<void> {
  const { claim, placeId, home } = state;
  const log = services.log.child({ jobId: claim.job.id, fence: claim.fence });
  const place = placeAt(services.folders.sandboxes, placeId);
  try {
    await reclaimAll(services, place);
    await removeTraces(services, { claim, place, root, keptHome: home === "kept", isOver: false }, log);
    log.info("an attempt of the worker's earlier life cannot go on: it was ended and removed");
  } catch (error) {
    log.error({ err: error }, "what is left of an earlier attempt could not be removed; the next start tries again");
  }
}

/** Places that no attempt names: warm sandboxes, and those of a worker killed between reservation and state. */
async function removeLeftPlaces(services: RecoverServices, keep: ReadonlySet<string>): Promise<void> {
  const { folders, log } = services;
  const named = new Set((await readAttempts(folders.attempts)).map(({ state }) => state?.placeId));
  for (const id of await readdir(folders.sandboxes)) {
    if (keep.has(id) || named.has(id)) continue;
    const place = placeAt(folders.sandboxes, id);
    try {
      await reclaimAll(services, place);
      await forgetEverywhere(folders.repositories, place);
      await services.workspaces.removePlace(place);
    } catch (error) {
      log.error({ err: error, sandbox: id }, "a sandbox of the worker's earlier life could not be removed; the next start tries again");
    }
  }
}

/** A step of a killed worker may have had a workspace there. */
async function forgetEverywhere(repositories: string, { workspace }: Place): Promise<void> {
  for (const id of await readdir(repositories)) await forgetWorkspace({ upstreamGit: join(repositories, id, "upstream.git") }, workspace);
}

/** What was started and not written down, and commands that a killed worker had running: a step that was cut off is done anew. */
async function removeStrays({ folders, provider, log }: RecoverServices, resumed: readonly AttemptState[]): Promise<void> {
  const known = new Set<string>();
  for (const { placeId } of resumed) for (const { spec } of await readRecords(placeAt(folders.sandboxes, placeId))) known.add(spec.id);
  try {
    await provider.removeStrays?.(known);
  } catch (error) {
    log.error({ err: error }, "what an earlier life of the worker started could not be looked for; the next start tries again");
  }
}

async function reclaimAll(services: RecoverServices, place: Place): Promise<void> {
  for (const record of await readRecords(place)) await services.provider.reclaim(record);
}
