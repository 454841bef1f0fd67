/**
 * The process that holds a stack together: server, worker, integrator and gateway as its children, all in one process group of its own, so that a Ctrl-C
 * in the terminal reaches only the command line, which then stops them in order. When the command line dies, the IPC channel closes and the
 * stack stops; when this process dies, the same happens to its children.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { activeJob } from "./active-job.ts";
import { gatewaySocket, readToken, tokenFile } from "./data-folder.ts";
import { partEnvironment } from "./environment.ts";
import type { PartName, StackFailure, StackOptions, SupervisorOrder, SupervisorReport } from "./messages.ts";
import { Part } from "./part.ts";
import { integratorFlags, serverFlags, workerFlags } from "./part-flags.ts";
import { writeStackFile } from "./stack-file.ts";

const options = JSON.parse(process.argv[2] ?? "{}") as StackOptions;
const parts = new Map<PartName, Part>();
let url = "";
let released = false;
let stackFile: Disposable | undefined;
let stopping: Promise<void> | undefined;

function report(message: SupervisorReport): void {
  // The command line may be gone already; then nobody needs to hear it.
  if (process.connected) process.send?.(message, () => undefined);
}

function argsOf(name: PartName): string[] {
  const { data, settings } = options;
  if (name === "server") {
    // A restarted server takes the address that the others know.
    const port = url === "" ? String(settings.server.port) : new URL(url).port;
    return ["--data", data, "--port", port, ...serverFlags(settings), "--value-origins", JSON.stringify(options.origins)];
  }
  // Before the server listens its address is told over IPC.
  const common = ["--data", data, ...(url === "" ? [] : ["--url", url]), "--token-file", tokenFile(data, name)];
  if (name === "gateway") return ["serve", ...common, "--socket", gatewaySocket(data)];
  if (name === "integrator") return [...common, ...integratorFlags(settings)];
  return name === "worker" ? [...common, ...workerFlags(settings)] : common;
}

function partOf(name: PartName): Part {
  const environment = partEnvironment(name, options.modelKeys, options.settings);
  const part = new Part(
    name,
    options.data,
    { args: () => argsOf(name), environment },
    {
      crashed: (how, restartInMs) => report({ type: "crashed", part: name, how, restartInMs }),
      restarted: () => report({ type: "restarted", part: name }),
      ended: () => report({ type: "ended", part: name }),
    },
  );
  parts.set(name, part);
  return part;
}

/** All at once: the others load their code while the server starts, and hear from here where it listens. */
async function start(): Promise<void> {
  const others = options.parts.filter((name) => name !== "server").map(partOf);
  const startServer = async (): Promise<void> => {
    url = String((await partOf("server").start())["url"]);
    // Not before: until its server has the data folder, another one's file may stand there.
    stackFile = writeStackFile(options.data);
    report({ type: "listening", url });
    for (const part of others) part.tell({ type: "server", url });
  };
  await Promise.all([startServer(), ...others.map((part) => part.start())]);
  report({ type: "ready", url, pid: process.pid });
  for (const name of options.later) void startLater(name);
}

async function startLater(name: PartName): Promise<void> {
  if (stopping) return;
  try {
    await partOf(name).start();
  } catch (error) {
    if (!stopping) report({ type: "unavailable", part: name, failure: failureOf(error) });
  }
}

/** Workers and integrator first: they still have something to report to the server. Then the gateway, which tells it what the last model calls did cost. */
function stop(): Promise<void> {
  stopping ??= (async () => {
    await Promise.all([parts.get("worker")?.stop(), parts.get("integrator")?.stop()]);
    await parts.get("gateway")?.stop();
    await parts.get("server")?.stop();
    stackFile?.[Symbol.dispose]();
    report({ type: "stopped" });
    process.exit(0);
  })();
  return stopping;
}

const IDLE_LOOK_MS = 1_000;

/** Stops as soon as no job is queued for now, running or integrating. */
async function stopWhenIdle(): Promise<void> {
  // Loaded only here: the usual stack is told to stop, and has no call to make.
  const { Client } = await import("@slipway/protocol/client");
  const client = new Client({ url, token: readToken(tokenFile(options.data, "admin")) });
  while (!stopping) {
    const active = await activeJob(client);
    if (active === undefined) break;
    // Answered as soon as the job ends; an unreachable server is restarting.
    if (active !== null) await client.call("getJob", { params: { job: active }, query: { waitMs: 30_000 } }).catch(() => undefined);
    await sleep(IDLE_LOOK_MS);
  }
  await stop();
}

function failureOf(error: unknown): StackFailure {
  const attached = (error as { failure?: StackFailure } | undefined)?.failure;
  if (attached) return attached;
  const { code, message, details } = toSlipwayError(error);
  return { code, message, details: { ...details } };
}

process.on("message", (order: SupervisorOrder) => {
  if (order.type === "stop") void stop();
  if (order.type === "release" && !released) {
    released = true;
    void stopWhenIdle().catch(() => stop());
  }
});
process.on("disconnect", () => {
  if (!released) void stop();
});
process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => void stop());

try {
  if (!options.data) throw new SlipwayError("INVALID_REQUEST", "The supervisor is started by `slipway up` and `slipway run` only.");
  await start();
} catch (error) {
  report({ type: "failed", failure: failureOf(error) });
  await stop();
}
