import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

/** argv of a resident runner. `ownNamespace`: it is alone in a PID namespace, so it may end all that it sees. */
export function runnerCommand(
  installRoot: string,
  paths: { socket: string; lease: string; spool: string; cache: string | undefined; ownNamespace: boolean; warmFor: string | undefined; isAhead: boolean },
): string[] {
  return [
    process.execPath,
    "--disable-sigusr1",
    join(installRoot, "apps/runner/src/main.ts"),
    "serve",
    ...["--socket", paths.socket, "--lease", paths.lease, "--spool", paths.spool],
    ...(paths.cache === undefined ? [] : ["--compile-cache", paths.cache]),
    ...(paths.ownNamespace ? ["--own-namespace"] : []),
    ...(paths.warmFor === undefined ? [] : ["--warm-for", paths.warmFor, ...(paths.isAhead ? ["--ahead"] : [])]),
  ];
}

/** argv of a command whose only way out is the proxy behind a socket, as the sandbox sees it. */
export function proxiedCommand(installRoot: string, socket: string, argv: readonly string[]): string[] {
  return [process.execPath, "--disable-sigusr1", join(installRoot, "apps/runner/src/main.ts"), "command", "--proxy-socket", socket, "--", ...argv];
}

/** Where the compile cache of a runtime folder is; undefined where it was not made. */
export function compileCacheOf(runtimeFolder: string): string | undefined {
  const folder = cacheFolder(runtimeFolder);
  return existsSync(folder) ? folder : undefined;
}

/**
 * Has the runner's code compiled once, outside and from the installation itself; runners get the result read-only, because an agent that could write it would
 * run code in all later runners. Saves each of them a third of its start. Without it they start slower, so a failure here is not one.
 */
export async function makeCompileCache(runtimeFolder: string, installRoot: string): Promise<void> {
  if (compileCacheOf(runtimeFolder) !== undefined) return;
  const fresh = await mkdtemp(join(runtimeFolder, "cache-"));
  const args = ["--disable-sigusr1", join(installRoot, "apps/runner/src/main.ts"), "warm", "--compile-cache", fresh];
  const { failed } = await execa(process.execPath, args, {
    reject: false,
    timeout: 30_000,
    stdio: "ignore",
    env: { PATH: process.env["PATH"] ?? "" },
    extendEnv: false,
  });
  // Another worker may have been quicker.
  if (!failed) await rename(fresh, cacheFolder(runtimeFolder)).catch(() => {});
  await rm(fresh, { recursive: true, force: true });
}

function cacheFolder(runtimeFolder: string): string {
  return join(runtimeFolder, "compile-cache");
}
