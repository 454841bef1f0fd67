import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { mountsBelow, unmountBelow } from "@slipway/git/bases/mounts";
import { takeFolderLock } from "@slipway/process/folder-lock";
import { runtimeFolder } from "@slipway/process/runtime-folder";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import type { WorkerClean } from "@slipway/protocol/worker-clean";
import { BOOT_ID, readAttempts, writeAttemptState } from "../attempt/attempt-state.ts";
import { strayCommands } from "../sandbox/bwrap/stray-commands.ts";
import { createSandboxProvider } from "../sandbox/create.ts";
import { endContainersOf } from "../sandbox/docker/end-containers.ts";
import { endMarked, isAlive } from "../sandbox/processes.ts";
import type { SandboxProvider, SandboxRecord } from "../sandbox/sandbox.ts";
import { socketFolderOf } from "../sandbox/start-resident.ts";
import { openWorkerFolders, type WorkerFolders } from "./folders.ts";
import { readIdentity } from "./identity.ts";
import { placeAt, readRecords } from "./places.ts";

const NOTHING: WorkerClean = { sandboxes: 0, containers: [], mounts: [], attempts: 0 };

/**
 * Ends what a killed worker of this data folder left running, and unmounts what is below its folder. Removes no file: what an agent had done is still there
 * until the next worker starts. DATA_FOLDER_IN_USE where a worker lives, SANDBOX_UNAVAILABLE where its containers cannot be asked for.
 */
export async function cleanWorker(dataFolder: string): Promise<WorkerClean> {
  if (!existsSync(join(dataFolder, "worker"))) return NOTHING;
  const folders = await openWorkerFolders(dataFolder);
  using _lock = takeFolderLock({ path: folders.lock, part: "worker", data: dataFolder });
  // First, so that a worker which starts after a half-done clean-up takes up none of it.
  const attempts = await giveUpAttempts(folders);
  const records = await leftRecords(folders);
  const sandboxes = await reclaimAll(dataFolder, records);
  await endMarked(strayCommands(runtimeFolder(dataFolder)));
  const hasContainers = records.some(({ kind }) => kind === "docker");
  const containers = await endContainersOf(await readIdentity(folders.identity), { isRequired: hasContainers });
  const mounts = (await mountsBelow(folders.root)).map(({ point }) => point);
  await unmountBelow(folders.root);
  return { sandboxes, containers, mounts, attempts };
}

/** Their sandboxes and their mounts go: the next worker removes them, as it does after a start of the machine. */
async function giveUpAttempts({ attempts }: WorkerFolders): Promise<number> {
  const known = await readAttempts(attempts);
  const live = known.flatMap(({ root, state }) => (state?.bootId === BOOT_ID ? [{ root, state }] : []));
  for (const { root, state } of live) await writeAttemptState(root, { ...state, bootId: "cleaned up" });
  return live.length;
}

async function leftRecords({ sandboxes }: WorkerFolders): Promise<SandboxRecord[]> {
  const ids = await readdir(sandboxes);
  return (await Promise.all(ids.map((id) => readRecords(placeAt(sandboxes, id))))).flat();
}

/** By the records alone, and each process by its start time. Answers how many of them still had processes. */
async function reclaimAll(dataFolder: string, records: readonly SandboxRecord[]): Promise<number> {
  const folder = runtimeFolder(dataFolder);
  const installRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../../../..");
  const providers = new Map<SandboxKind, SandboxProvider>();
  let alive = 0;
  for (const record of records) {
    const { kind, spec } = record;
    if (record.processes.some(isAlive)) alive += 1;
    // The engine ends containers by their worker's label, all of them at once.
    if (kind === "docker") {
      await rm(socketFolderOf(folder, spec.id), { recursive: true, force: true });
      continue;
    }
    const provider = providers.get(kind) ?? createSandboxProvider(kind, { runtimeFolder: folder, installRoot, maskPaths: [] });
    providers.set(kind, provider);
    await provider.reclaim(record);
  }
  return alive;
}
