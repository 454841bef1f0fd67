import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { WorkerDaemon } from "../../apps/worker/src/daemon/daemon.ts";
import { ProcessProvider } from "./process-provider.ts";

/**
 * A worker in a process of its own, to be killed. Its pipeline has two journaled steps; each writes a line to `trace` when it really runs, and the
 * second waits until the parent says `go`.
 */
const [dataFolder, url] = process.argv.slice(2);
if (dataFolder === undefined || url === undefined) throw new Error("usage: daemon-process DATA URL");
const trace = (line: string): void => appendFileSync(join(dataFolder, "trace"), `${line}\n`);
const go = new Promise<void>((resolve) => process.on("message", () => resolve()));

let daemon: WorkerDaemon | undefined;
process.on("disconnect", () => void (daemon?.stop() ?? Promise.resolve()).then(() => process.exit(0)));
daemon = await WorkerDaemon.start({
  dataFolder,
  url,
  token: "t",
  name: "test",
  slots: 1,
  verifySlots: 1,
  provider: new ProcessProvider(),
  manifests: [],
  toolchains: [],
  version: "0",
  log: pino({ level: process.env["SLIPWAY_TEST_LOG"] ?? "silent" }),
  signal: new AbortController().signal,
  renewMs: 100,
  runAttempt: async (context) => {
    const sandbox = await context.agentSandbox(["/usr"]);
    trace(`sandbox ${sandbox.record.processes[0]?.pid}`);
    await context.journal.step("turn", async () => {
      trace("turn");
      await context.events.emit({ kind: "message", data: { role: "agent", text: "turn" } });
    });
    await context.events.flush();
    process.send?.({ type: "turned", resumed: context.resumed });
    await go;
    await context.journal.step("commit", async () => trace("commit"));
    await context.events.emit({ kind: "message", data: { role: "agent", text: "commit" } });
    return { kind: "change", oid: "b".repeat(40), diffStat: { files: 1, insertions: 1, deletions: 0 } };
  },
});
process.send?.({ type: "ready" });
