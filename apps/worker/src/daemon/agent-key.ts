import { createHash } from "node:crypto";
import { realpath, stat } from "node:fs/promises";
import { delimiter } from "node:path";

/**
 * Stands for what can be found on `path`: while no folder of it was changed, the same names lead to the same programs. Asks for a few files' data, and starts
 * nothing.
 */
export async function pathKey(path: string): Promise<string> {
  const folders = await Promise.all(path.split(delimiter).map(async (folder) => `${folder}\n${await stateOf(folder)}`));
  return createHash("sha256").update(folders.join("\n")).digest("hex").slice(0, 24);
}

/** Stands for a program's content: its file, with time and size. */
export async function programKey(program: string | undefined): Promise<string> {
  if (program === undefined) return "";
  const file = await realpath(program).catch(() => program);
  return `${file}\n${await stateOf(file)}`;
}

/** What cannot be looked at is as good as not there. */
async function stateOf(path: string): Promise<string> {
  return await stat(path).then(
    ({ ino, mtimeMs, size, mode }) => [ino, mtimeMs, size, mode].join(" "),
    () => "none",
  );
}
