import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** The program for `command`: a path, or a name that is looked for in the folders of `path`. Undefined where there is none that can be run. */
export async function findProgram(command: string, path: string | undefined): Promise<string | undefined> {
  if (command.includes("/")) return await executableAt(command);
  for (const folder of (path ?? "").split(delimiter)) {
    const found = folder === "" ? undefined : await executableAt(join(folder, command));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `path` where it is a program that can be run, else undefined. */
export async function executableAt(path: string): Promise<string | undefined> {
  return await access(path, constants.X_OK).then(
    () => path,
    () => undefined, // not there, or not for us: the next place may have it
  );
}
