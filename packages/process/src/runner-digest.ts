import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** What an image carries of an installation: the runner, the backends that it loads, and the packages that both import. */
const PARTS = [
  "apps/runner",
  "backends/acp",
  "backends/claude-code",
  "backends/codex",
  "backends/command",
  "backends/miniswe",
  "backends/openhands",
  "backends/script",
  "backends/sdk",
  "packages/process",
  "packages/protocol",
  "packages/redact",
];

/**
 * SHA-256 over the sources that an image carries as its runner, and their exact dependencies. An image is labelled with it (`RUNNER_LABEL`), and a worker
 * uses only images whose label is that of its own installation: the two speak the same protocol then. Tests do not count. Throws what the file system says.
 */
export function runnerDigest(installRoot: string): string {
  const hash = createHash("sha256");
  for (const path of PARTS.flatMap((part) => [join(installRoot, part, "package.json"), ...sourcesIn(join(installRoot, part, "src"))])) {
    hash
      .update(`${relative(installRoot, path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  return hash.digest("hex");
}

/** The label of an image that holds `runnerDigest` of the installation that it was built from. */
export const RUNNER_LABEL = "dev.slipway.runner";

function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes(".test."))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
