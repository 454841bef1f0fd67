import { join } from "node:path";
import { readRequirements } from "@slipway/backend-sdk/python/probe-python";

/** The release of mini-swe-agent that this backend is made for and tested with. */
export const MINISWE_VERSION = "2.4.6";
const REQUIREMENTS = join(import.meta.dirname, "python/requirements.txt");
/** It and all that it needs, each in an exact version; installed without dependencies of their own. */
export const MINISWE_PACKAGES = readRequirements(REQUIREMENTS);
/** Pythons that may have it, in the order in which they are looked for. An image of Slipway's has the first. */
export const PYTHONS = ["miniswe-python", "python3"];
/** For the manifest. */
export const MINISWE_RELEASE = { registry: "pypi", package: "mini-swe-agent", version: MINISWE_VERSION, tested: `${minorOf(MINISWE_VERSION)}.x` } as const;
/** Shown, not run. */
export const INSTALL_COMMAND = "slipway backends install miniswe";

/** Releases whose classes are the tested ones: those of the same minor version. */
export function isTested(version: string): boolean {
  return minorOf(version) === minorOf(MINISWE_VERSION);
}

function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
