import { enableCompileCache } from "node:module";
import { compileCacheFolder } from "./compile-cache.ts";

/** `slipway`: the command line. Everything is loaded after the compile cache is on: loading is half of a short command's time without it. */
enableCompileCache(compileCacheFolder());
const { runCommandLine } = await import("./command-line.ts");
await runCommandLine(process.argv);
