import { chmod, chown, lstat, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing } from "../bare-store.ts";
import { runSystem } from "./system.ts";

/** Paths that a setup makes. */
export interface Outputs {
  /** Whether a path, told from the root of the workspace, is one of them; what lies below one is not asked for. */
  readonly matches: (path: string) => boolean;
  /** All of them, where no glob has to be looked for. */
  readonly literal: readonly string[] | undefined;
}

/**
 * Moves the outputs of a setup out of the folder that it wrote into, with the folders around them, and answers which there were. Follows no link. Nothing
 * may run there any more. WORKSPACE_FAILED, DISK_FULL, or the signal's reason.
 */
export async function collectOutputs(from: string, to: string, outputs: Outputs, signal: AbortSignal): Promise<string[]> {
  const found = outputs.literal ? await existing(from, outputs.literal) : await look(from, "", outputs.matches, signal);
  for (const path of found) {
    signal.throwIfAborted();
    await makeParents(from, to, path);
    await move(join(from, path), join(to, path), signal);
  }
  return found;
}

/** Those whose folders are all real ones, a path below another one left out. */
async function existing(from: string, paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths.toSorted()) {
    if (found.some((above) => path === above || path.startsWith(`${above}/`))) continue;
    const above = parentsOf(path);
    const kinds = await Promise.all([...above, path].map((each) => lstat(join(from, each)).catch(ignoreMissing)));
    if (kinds.every((info) => info !== undefined) && kinds.slice(0, -1).every((info) => info?.isDirectory())) found.push(path);
  }
  return found;
}

async function look(root: string, folder: string, matches: Outputs["matches"], signal: AbortSignal): Promise<string[]> {
  signal.throwIfAborted();
  const found: string[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (path === ".git") continue;
    if (matches(path)) found.push(path);
    else if (entry.isDirectory()) found.push(...(await look(root, path, matches, signal)));
  }
  return found;
}

/** As they are in the workspace: above a base it is these that show. */
async function makeParents(from: string, to: string, path: string): Promise<void> {
  for (const folder of parentsOf(path)) {
    const made = await mkdir(join(to, folder), { mode: 0o700 }).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
        return false;
      },
    );
    if (!made) continue;
    const { mode, uid, gid } = await lstat(join(from, folder));
    await chmod(join(to, folder), mode & 0o7777);
    if (process.getuid?.() === 0) await chown(join(to, folder), uid, gid);
  }
}

async function move(from: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // A workspace with a disk of its own.
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    await runSystem("cp", ["-a", "--", from, to], { signal });
  }
}

/** `a/b/c` → `a`, `a/b`. */
function parentsOf(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}
