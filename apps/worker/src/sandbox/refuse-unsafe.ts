import { homedir } from "node:os";
import { resolve, sep } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

/** SANDBOX_UNAVAILABLE for a path that no sandbox may be shown as a whole: the root, a home, the kernel's own, what is to be hidden. */
export function refuseUnsafe(path: string, maskPaths: readonly string[]): void {
  const kernel = ["/proc", "/sys", "/dev"];
  const isUnsafe =
    path === "/" ||
    path === homedir() ||
    kernel.some((folder) => path === folder || path.startsWith(folder + sep)) ||
    maskPaths.some((mask) => resolve(mask) === path);
  if (isUnsafe)
    throw new SlipwayError("SANDBOX_UNAVAILABLE", `A sandbox may not be shown ${path}.`, {
      path,
      hint: "Take it off the list of read-only folders, or off PATH.",
    });
}
