import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";
import { mountsBelow } from "./bases/mounts.ts";

/**
 * Removes a folder that an agent has written: gives itself back the permissions that were taken away, never follows a symlink, and does not mind
 * paths longer than the system takes in one call. Nothing there is no failure. WORKSPACE_FAILED where something is mounted in it: what shows there is
 * another folder's.
 */
export async function removeTree(path: string): Promise<void> {
  const [mount] = await mountsBelow(path);
  if (mount) throw new SlipwayError("WORKSPACE_FAILED", `Refusing to remove ${path}: something is mounted at ${mount.point}.`);
  try {
    await rm(path, { recursive: true, force: true });
    return;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!["EACCES", "EPERM", "ENAMETOOLONG", "ENOTEMPTY"].includes(code)) throw error;
  }
  await openFolders(path);
  // rm(1) walks with openat(2), so no path is too long for it.
  await execa("rm", ["-rf", "--", path], { stdin: "ignore" });
}

async function openFolders(path: string): Promise<void> {
  const info = await lstat(path).catch(ignoreUnreachable);
  if (!info?.isDirectory()) return;
  await chmod(path, 0o700);
  for (const entry of (await readdir(path, { withFileTypes: true }).catch(ignoreUnreachable)) ?? []) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}

/** Gone meanwhile, or too deep for one path: rm(1) says so if it matters. */
function ignoreUnreachable(error: NodeJS.ErrnoException): undefined {
  if (!["ENOENT", "ENAMETOOLONG"].includes(error.code ?? "")) throw error;
}
