import { enableCompileCache } from "node:module";
import { compileCacheFolder } from "@slipway/process/compile-cache";

/**
 * The worker's process. `--help` says the arguments; SIGTERM, SIGINT and a closed IPC channel stop it now, SIGUSR1 drains it; with `clean` it cleans up behind a killed one instead. Everything is loaded
 * after the compile cache is on: without it the process keeps Node's TypeScript stripper in memory, some 30 MB.
 */
// Nobody waits for it any more: one that is not up yet just ends.
process.once("disconnect", () => process.exit(0));
const cache = compileCacheFolder();
if (cache !== undefined) enableCompileCache(cache);
if (process.argv[2] === "clean") {
  const { runClean } = await import("./daemon/clean-process.ts");
  await runClean(process.argv.slice(3));
} else {
  const { runWorker } = await import("./daemon/process.ts");
  await runWorker();
}
