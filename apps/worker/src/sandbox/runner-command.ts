import { join } from "node:path";

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
