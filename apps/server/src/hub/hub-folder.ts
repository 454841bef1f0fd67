import { join } from "node:path";
import { createHubRepository } from "@slipway/git/hub";
import { z } from "zod";
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
