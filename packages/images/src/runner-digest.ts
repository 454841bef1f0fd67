import { createHash } from "node:crypto";
import { sourceFiles, workspaceClosure } from "./workspaces.ts";

/** The workspace whose closure is what runs inside of a sandbox. */
export const RUNNER_WORKSPACE = "apps/runner";

/**
 * A digest (SHA-256, hex) over all that makes the runner of a checkout: its sources, those of the protocol and of the shipped backends, and what they say they depend
 * on. A worker and the runner in an image understand each other for certain where this is the same on both sides.
 */
export async function runnerDigest(installRoot: string): Promise<string> {
  const hash = createHash("sha256");
  for (const { path, content } of await sourceFiles(installRoot, await workspaceClosure(installRoot, [RUNNER_WORKSPACE]))) {
    // With both lengths in front, so that no two sets of files read the same.
    hash.update(`${Buffer.byteLength(path)} ${content.length}\n${path}`).update(content);
  }
  return hash.digest("hex");
}
