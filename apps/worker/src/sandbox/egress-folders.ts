import { chmod, chown, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Egress, SandboxProvider } from "./sandbox.ts";

/** Of folders in the runtime folder, each for one command's way out. */
const PREFIX = "egress-";

/** Does something while a proxy listens on the socket `s` of a folder of its own, which is to be mounted; `owner` can use it, where that is not the worker's user. */
export async function withEgressFolder<T>(
  runtimeFolder: string,
  egress: Egress,
  owner: SandboxProvider["owner"],
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(runtimeFolder, PREFIX));
  try {
    const socket = join(folder, "s");
    await using _ = await egress.listen(socket);
    if (owner) {
      // Nobody gets there but by a mount: the folder around is closed.
      await chmod(folder, 0o755);
      await chown(socket, owner.uid, owner.gid);
    }
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes those of commands that ended with a killed worker; to be called before there are any of this one. */
export async function removeEgressFolders(runtimeFolder: string): Promise<void> {
  for (const name of await readdir(runtimeFolder)) if (name.startsWith(PREFIX)) await rm(join(runtimeFolder, name), { recursive: true, force: true });
}
