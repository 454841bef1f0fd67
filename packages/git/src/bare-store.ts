import { randomUUID } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

export interface BareStoreOptions {
  readonly config?: string;
  /** Absolute object folders that it borrows from. */
  readonly alternates?: readonly string[];
  /**
   * Its objects are shown to sandboxes, whose user may be another one in a container: whoever has the folder may read them. On the machine itself nobody
   * gets there, as the folders around are closed.
   */
  readonly isShown?: boolean;
}

/**
 * Makes a bare repository, or completes one, with files alone (layout: gitrepository-layout(5)): a `git init` would cost a process and copy
 * templates.
 */
export async function makeBareStore(dir: string, options: BareStoreOptions = {}): Promise<void> {
  await Promise.all(["objects/info", "objects/pack", "refs/heads", "info"].map((name) => mkdir(join(dir, name), { recursive: true, mode: 0o700 })));
  // Whatever the umask of who writes to it.
  const shared = options.isShown ? "\tsharedRepository = 0644\n" : "";
  const config = `[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n${shared}[gc]\n\tauto = 0\n${options.config ?? ""}`;
  await writeWhenChanged(join(dir, "config"), config);
  if (options.alternates) await writeWhenChanged(join(dir, "objects/info/alternates"), alternatesText(options.alternates), options.isShown ? 0o644 : 0o600);
  if (options.isShown) await showObjects(join(dir, "objects"));
  // Last, because git takes a folder for a repository by its HEAD: a half-made one is completed by the next call.
  await writeWhenChanged(join(dir, "HEAD"), "ref: refs/heads/main\n");
}

/** Opens what a store held before git was told to; the folder itself comes last, and says that all of it is done. */
async function showObjects(folder: string): Promise<void> {
  if (((await stat(folder)).mode & 0o005) === 0o005) return;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o444).catch(ignoreMissing);
  await chmod(folder, 0o755);
}

/** The text of an alternates file. A newline in a folder's name cannot be said there. */
export function alternatesText(folders: readonly string[]): string {
  for (const folder of folders) {
    if (folder.includes("\n"))
      throw new SlipwayError("WORKSPACE_FAILED", `git cannot borrow objects from a folder with such a name: ${JSON.stringify(folder)}`);
  }
  return folders.map((folder) => `${folder}\n`).join("");
}

/** An object folder as GIT_ALTERNATE_OBJECT_DIRECTORIES takes it, where a colon stands between two: in quotes (git(1)). */
export function alternatesVariable(folder: string): string {
  return `"${folder.replace(/["\\]/g, "\\$&")}"`;
}

/** Carries the shallow boundary of one store over to another that borrows from it, or git would miss parents that nobody has. */
export async function mirrorShallow(fromGitDir: string, toGitDir: string): Promise<void> {
  const from = join(fromGitDir, "shallow");
  const source = await stat(from).catch(ignoreMissing);
  const target = await stat(join(toGitDir, "shallow")).catch(ignoreMissing);
  if (!source) {
    if (target) await rm(join(toGitDir, "shallow"), { force: true });
    return;
  }
  if (target && target.size === source.size && Math.abs(target.mtimeMs - source.mtimeMs) < 1) return;
  const temporary = join(toGitDir, `shallow-${randomUUID()}`);
  await copyFile(from, temporary);
  await utimes(temporary, source.atime, source.mtime);
  await rename(temporary, join(toGitDir, "shallow"));
}

/** Puts a file in its place as a whole, also where several do so at once. */
export async function writeWhenChanged(path: string, text: string, mode = 0o600): Promise<void> {
  if ((await readFile(path, "utf8").catch(ignoreMissing)) === text) return;
  const temporary = `${path}-${randomUUID()}`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}

/** For a `catch`: a file that is not there is no failure, everything else is. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
