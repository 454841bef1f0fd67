import { enableCompileCache } from "node:module";
import { compileCacheFolder } from "@slipway/process/compile-cache";

/** `slipway`: the command line. Everything is loaded after the compile cache is on: loading is half of a short command's time without it. */
const cache = compileCacheFolder();
if (cache !== undefined) enableCompileCache(cache);
const { runCommandLine } = await import("./command-line.ts");
await runCommandLine(process.argv);
