import { join } from "node:path";
import { readRequirements } from "@slipway/backend-sdk/python/probe-python";

/** The release of OpenHands' SDK and tools that this backend is made for and tested with. */
export const OPENHANDS_VERSION = "1.58.2";
const REQUIREMENTS = join(import.meta.dirname, "python/requirements.txt");
/** It and all that it needs, each in an exact version; installed without dependencies of their own. */
export const OPENHANDS_PACKAGES = readRequirements(REQUIREMENTS);
/** Pythons that may have it, in the order in which they are looked for. An image of Slipway's has the first. */
export const PYTHONS = ["openhands-python", "python3"];
/** For the manifest. */
export const OPENHANDS_RELEASE = { registry: "pypi", package: "openhands-sdk", version: OPENHANDS_VERSION, tested: `${minorOf(OPENHANDS_VERSION)}.x` } as const;
/** Shown, not run. */
export const INSTALL_COMMAND = "slipway backends install openhands";

/** Releases whose classes are the tested ones: those of the same minor version. */
export function isTested(version: string): boolean {
  return minorOf(version) === minorOf(OPENHANDS_VERSION);
}

function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
