import { lstat, realpath } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { TurnContext } from "@slipway/backend-sdk/backend";
import { SlipwayError } from "@slipway/protocol/errors";

/**
 * The absolute path of a step's `path`, checked against links that lead out. BACKEND_FAILED where it leaves the workspace (or the home, for `~/`).
 * `entry: "itself"` is for steps that remove the entry and do not follow it.
 */
export async function confine(
  turn: Pick<TurnContext, "workspace" | "home">,
  place: { readonly path: string; readonly outside?: boolean },
  entry: "target" | "itself" = "target",
): Promise<string> {
  const inHome = place.path.startsWith("~/");
  const root = inHome ? turn.home : turn.workspace;
  const wanted = resolve(root, inHome ? place.path.slice(2) : place.path);
  if (place.outside) return wanted;
  const real = entry === "itself" ? join(await realPathOf(dirname(wanted)), wanted.slice(dirname(wanted).length)) : await realPathOf(wanted);
  if (!isInside(await realpath(root), real))
    throw new SlipwayError("BACKEND_FAILED", `${place.path} leads out of the ${inHome ? "home" : "workspace"}.`, { path: place.path });
  return wanted;
}

/** Where a path leads once all links are followed; the part that does not exist yet is taken as it is. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const link = await lstat(path).catch(() => undefined); // not there at all: the usual case
  if (link?.isSymbolicLink()) throw new SlipwayError("BACKEND_FAILED", `${path} is a link that leads nowhere.`, { path });
  return join(await realPathOf(dirname(path)), relative(dirname(path), path));
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
