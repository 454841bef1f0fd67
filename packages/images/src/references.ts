import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The version of an installation: that of its package.json, which its images are tagged with. */
export function imageVersion(installRoot: string): string {
  const { version } = JSON.parse(readFileSync(join(installRoot, "package.json"), "utf8")) as { version: string };
  return version;
}

/** Such as `slipway/codex:0.1.0`. */
export function imageReference(name: string, version: string): string {
  return `slipway/${name}:${version}`;
}
