import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

/**
 * Makes a bare repository, or completes one, with files alone (layout: gitrepository-layout(5)): a `git init` would cost a process and copy
 * templates. `alternates` are absolute object folders that it borrows from.
 */
export async function makeBareStore(dir: string, options: { config?: string; alternates?: readonly string[] } = {}): Promise<void> {
  await Promise.all(["objects/info", "objects/pack", "refs/heads", "info"].map((name) => mkdir(join(dir, name), { recursive: true, mode: 0o700 })));
  const config = `[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[gc]\n\tauto = 0\n${options.config ?? ""}`;
  await writeWhenChanged(join(dir, "config"), config);
  if (options.alternates) await writeWhenChanged(join(dir, "objects/info/alternates"), alternatesText(options.alternates));
  // Last, because git takes a folder for a repository by its HEAD: a half-made one is completed by the next call.
  await writeWhenChanged(join(dir, "HEAD"), "ref: refs/heads/main\n");
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

async function writeWhenChanged(path: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(ignoreMissing)) === text) return;
  const temporary = `${path}-${randomUUID()}`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

/** For a `catch`: a file that is not there is no failure, everything else is. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
