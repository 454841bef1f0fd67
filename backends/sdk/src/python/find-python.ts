import { access, readlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { findProgram } from "../find-program.ts";

/** Links that lead round in a circle are not followed for ever. */
const LINK_LIMIT = 20;

/**
 * The Python to start: the first of these commands, each a path or a name on PATH, that there is. A link that leads into a virtual environment is followed
 * to there, because Python knows its environment by the folder that it was started from. Undefined where there is none.
 */
export async function findPython(commands: readonly string[], path: string | undefined): Promise<string | undefined> {
  for (const command of commands) {
    const found = await findProgram(command, path);
    if (found !== undefined) return await inItsEnvironment(found);
  }
  return undefined;
}

async function inItsEnvironment(python: string): Promise<string> {
  let place = python;
  for (let links = 0; links < LINK_LIMIT; links += 1) {
    if (await exists(join(dirname(dirname(place)), "pyvenv.cfg"))) return place;
    const target = await readlink(place).catch(() => undefined); // no link, so it leads nowhere
    if (target === undefined) return python;
    place = resolve(dirname(place), target);
  }
  return python;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
