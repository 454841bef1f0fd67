import { lstatSync, mkdirSync } from "node:fs";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { createBwrapProvider } from "./bwrap/provider.ts";
import { DEFAULT_LIMITS, type SandboxLimits } from "./limits/limits.ts";
import { openResourceGroups } from "./limits/resource-groups.ts";
import { createNoneProvider } from "./none/provider.ts";
import type { SandboxProvider } from "./sandbox.ts";

export interface SandboxSettings {
  /** The worker's own short folder for sockets, mode 0700. */
  readonly runtimeFolder: string;
  /** The checkout or installation that holds `apps/runner`, `packages`, `backends` and `node_modules`. */
  readonly installRoot: string;
  /** Host folders that no sandbox may see, such as the data folder, but for what a spec names inside them. */
  readonly maskPaths: readonly string[];
  /** An npm project whose packages bring further backends. */
  readonly backendsFolder?: string | undefined;
  /** For each sandbox; DEFAULT_LIMITS where they are missing. What cannot be kept here is not: `requireLimits` says so of those that must be. */
  readonly limits?: SandboxLimits;
}

/** The provider of a kind. Makes the runtime folder, starts nothing; `probe()` says whether it holds. SANDBOX_UNAVAILABLE where the folder is not ours. */
export function createSandboxProvider(kind: SandboxKind, settings: SandboxSettings): SandboxProvider {
  mkdirSync(settings.runtimeFolder, { recursive: true, mode: 0o700 });
  requireOwn(settings.runtimeFolder);
  const limits = settings.limits ?? DEFAULT_LIMITS;
  const groups = openResourceGroups(limits);
  return kind === "bwrap" ? createBwrapProvider({ ...settings, limits, groups }) : createNoneProvider({ ...settings, groups });
}

/** Its place in /tmp can be foreseen: whoever made the folder before us could put sockets and compiled code into it. */
function requireOwn(folder: string): void {
  const { mode, uid } = lstatSync(folder);
  const isOwn = (mode & 0o170_000) === 0o040_000 && (mode & 0o022) === 0 && (process.getuid === undefined || uid === process.getuid());
  if (isOwn) return;
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `The runtime folder ${folder} is another user's, or others can write to it.`, {
    folder,
    hint: `Remove it (\`rm -r ${folder}\`), or set XDG_RUNTIME_DIR to a folder of your own.`,
  });
}
