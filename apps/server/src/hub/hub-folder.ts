import { join } from "node:path";
import { createHubRepository, isHubRepository } from "@slipway/git/hub";
import { z } from "zod";
import type { ControlPlane } from "../control-plane.ts";
import { type DataFolder, makePrivateFolder } from "../data-folder.ts";

/** Folder of a repository's two stores. */
export function hubRoot(folder: DataFolder, repoId: string): string {
  return join(folder.hub, z.uuid().parse(repoId));
}

/** Makes a repository's two stores where they are missing. */
export async function makeHub(folder: DataFolder, repoId: string, installationId: string): Promise<void> {
  const root = hubRoot(folder, repoId);
  await makePrivateFolder(root);
  await createHubRepository(root, installationId);
}

/** Makes the stores of a repository that is registered and has none yet: whoever listed it may be quicker than its registration, and a crash may have cut that off. */
export async function completeHub(plane: ControlPlane, repoId: string): Promise<void> {
  if (await isHubRepository(hubRoot(plane.folder, repoId))) return;
  if (await plane.store.getRepository(repoId)) await makeHub(plane.folder, repoId, plane.store.installationId);
}
