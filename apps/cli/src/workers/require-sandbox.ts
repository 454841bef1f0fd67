import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { sandboxCapability } from "@slipway/protocol/sandbox-kind";
import type { WorkerView } from "@slipway/protocol/worker-api";
import type { Connection } from "../connection.ts";

/** A server that listens may have got no worker yet: it, or its worker, was started at this very moment. */
const FIRST_WORKER_MS = 5_000;
const LOOK_MS = 200;

/**
 * What `--sandbox` asks of the worker that takes the job, as capabilities. It is never less than what was asked for: SANDBOX_UNAVAILABLE where
 * no connected worker has this kind.
 */
export async function requireSandbox({ client, stack, how }: Connection, kind: SandboxKind | undefined): Promise<string[]> {
  if (kind === undefined) return [];
  const capability = sandboxCapability(kind);
  // The workers of a stack of this command's own have this kind. `none` is then a leave and no demand: a later try may well be isolated.
  if (stack) return kind === "none" ? [] : [capability];
  const workers = await connectedWorkers(client);
  if (workers.some(({ capabilities }) => capabilities.includes(capability))) return [capability];
  const there = workers.map(({ name, sandbox }) => `${name}: ${sandbox}`);
  const what = there.length === 0 ? "no worker is connected" : `the connected ones have ${there.join(", ")}`;
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `No worker of ${how} runs jobs with \`sandbox: ${kind}\`: ${what}.`, {
    hint: hintFor(kind, there.length === 0),
    asked: kind,
    workers: there,
  });
}

function hintFor(kind: SandboxKind, nobody: boolean): string {
  if (nobody) return "Restart `slipway up` (Ctrl-C, then again), or start a worker.";
  return `Stop \`slipway up\` and start it with \`--sandbox ${kind}\`, or leave --sandbox out to run the job with what the workers have.`;
}

async function connectedWorkers(client: Client): Promise<WorkerView[]> {
  const endMs = performance.now() + FIRST_WORKER_MS;
  for (;;) {
    const connected = (await client.call("listWorkers", {})).workers.filter((worker) => worker.connected);
    if (connected.length > 0 || performance.now() > endMs) return connected;
    await sleep(LOOK_MS);
  }
}
