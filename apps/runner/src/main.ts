import { enableCompileCache, flushCompileCache } from "node:module";
import { parseArgs } from "node:util";

/** The program inside the sandbox. `serve` is resident and drives turns; `describe`, `backends` and `probe` tell of the backends; `command` gives one a way out. Errors in its use end with 2. */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    socket: { type: "string" },
    lease: { type: "string" },
    spool: { type: "string" },
    "compile-cache": { type: "string" },
    "own-namespace": { type: "boolean", default: false },
    "warm-for": { type: "string" },
    ahead: { type: "boolean", default: false },
    "proxy-socket": { type: "string" },
    gently: { type: "boolean", default: false },
  },
});
if (values["compile-cache"] !== undefined) enableCompileCache(values["compile-cache"]);

const [command, backend, ...rest] = positionals;
/** Standard output is for the answer alone: what a backend says while it is loaded goes elsewhere, and what it leaves open is not waited for. */
const answer = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`, () => process.exit());
console.log = console.info = console.debug = console.error;
if (command === "serve" && values.socket !== undefined && values.lease !== undefined && values.spool !== undefined) {
  const { serve } = await import("./serve.ts");
  const { socket, lease, spool, ahead } = values;
  await serve({ socket, lease, spool, ahead, ownNamespace: values["own-namespace"], warmFor: values["warm-for"] });
} else if (command === "command" && values["proxy-socket"] !== undefined && backend !== undefined) {
  const { runProxied } = await import("./command/proxied-command.ts");
  process.exit(await runProxied(values["proxy-socket"], [backend, ...rest]));
} else if (command === "describe" || command === "backends") {
  surviveStrays();
  const { listBackends } = await import("./describe.ts");
  const list = await listBackends();
  answer(command === "describe" ? list.manifests : list);
} else if (command === "probe") {
  surviveStrays();
  const { probe, probeGently } = await import("./probe.ts");
  if (values.gently) {
    await probeGently(positionals.slice(1), (result) => process.stdout.write(`${JSON.stringify(result)}\n`));
    process.stdout.write("", () => process.exit());
  } else answer(await probe(backend));
} else if (command === "warm") {
  // Loads what a turn needs, so that the compile cache has it; for runners that find the cache read-only.
  await Promise.all([import("./serve.ts"), import("./lease/namespace.ts"), import("./turn/run-turn.ts"), import("./warm-up.ts")]);
  const { preloadBackends } = await import("./registry.ts");
  await preloadBackends();
  flushCompileCache();
} else {
  process.stderr.write(
    "usage: runner serve --socket PATH --lease FILE --spool FOLDER [--own-namespace] [--warm-for BACKEND [--ahead]] | describe | backends | probe [BACKEND] | probe --gently BACKEND... | warm --compile-cache FOLDER | command --proxy-socket PATH -- ARGV...\n",
  );
  process.exitCode = 2;
}

/** What a backend throws when it is loaded already, in a timer say, takes no other one down. */
function surviveStrays(): void {
  const tell = (error: unknown): void => void process.stderr.write(`an error that nobody caught: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.on("uncaughtException", tell);
  process.on("unhandledRejection", tell);
}
