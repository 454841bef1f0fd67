import { isAbsolute, relative, sep } from "node:path";
import { unmountBelow } from "@slipway/git/bases/mounts";
import { removeTree } from "@slipway/git/remove-tree";
import { SlipwayError } from "@slipway/protocol/errors";

/** Removes a folder of the worker's own, whatever an agent made of it, and unmounts first what is mounted there. Refuses what is not below `owner`. Nothing there: no error. */
export async function removeOwned(path: string, owner: string): Promise<void> {
  const inside = relative(owner, path);
  // `..` is refused wherever it stands: behind a symlink it leads elsewhere than its name says.
  if (inside === "" || isAbsolute(inside) || [...path.split(sep), ...inside.split(sep)].includes(".."))
    throw new SlipwayError("INTERNAL", `Refusing to remove ${path}: it is not below ${owner}.`);
  await unmountBelow(path);
  await removeTree(path);
}
