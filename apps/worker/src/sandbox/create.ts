import { mkdirSync } from "node:fs";
import { createBwrapProvider } from "./bwrap/provider.ts";
import { createNoneProvider } from "./none/provider.ts";
import type { SandboxProvider } from "./sandbox.ts";

export interface SandboxSettings {
  /** The worker's own short folder for sockets, mode 0700. */
  readonly runtimeFolder: string;
  /** The checkout or installation that holds `apps/runner`, `packages`, `backends` and `node_modules`. */
  readonly installRoot: string;
  /** Host folders that no sandbox may see, such as the data folder, but for what a spec names inside them. */
  readonly maskPaths: readonly string[];
}

/** The provider of a kind. Makes the runtime folder, starts nothing; `probe()` says whether it holds. */
export function createSandboxProvider(kind: "bwrap" | "none", settings: SandboxSettings): SandboxProvider {
  mkdirSync(settings.runtimeFolder, { recursive: true, mode: 0o700 });
  return kind === "bwrap" ? createBwrapProvider(settings) : createNoneProvider(settings);
}
