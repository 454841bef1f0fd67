import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Of folders in the runtime folder, each for one command's way out. */
export const EGRESS_PREFIX = "egress-";

/** Removes those of commands that ended with a killed worker; to be called before there are any of this one. */
export async function removeEgressFolders(runtimeFolder: string): Promise<void> {
  for (const name of await readdir(runtimeFolder)) if (name.startsWith(EGRESS_PREFIX)) await rm(join(runtimeFolder, name), { recursive: true, force: true });
}
