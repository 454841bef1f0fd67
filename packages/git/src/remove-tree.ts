import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

/**
 * Removes a folder that an agent has written: gives itself back the permissions that were taken away, never follows a symlink, and does not mind
 * paths longer than the system takes in one call. Nothing there is no failure.
 */
export async function removeTree(path: string): Promise<void> {
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
