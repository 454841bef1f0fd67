import { createHash } from "node:crypto";
import type { RepositoryConfig } from "./repository-config.ts";

/** SHA-256 of what a setup is asked to do; of nothing where there is no setup. A receipt counts only for the setup that it was made with. */
export function setupDigest(setup: RepositoryConfig["setup"]): string {
  const text = setup.commands.length === 0 ? "" : JSON.stringify([setup.commands, setup.network, setup.timeoutSeconds]);
  return createHash("sha256").update(text).digest("hex");
}
