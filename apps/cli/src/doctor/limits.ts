import type { WorkerView } from "@slipway/protocol/worker-api";
import { bytes } from "../terminal/text.ts";
import { type Check, check } from "./check.ts";

/** What bounds an agent's memory and processes on each worker, as the workers themselves say (`limit:memory:4294967296`). */
export function checkLimits(workers: readonly Pick<WorkerView, "name" | "capabilities">[]): Check {
  return check(
    "worker",
    "limits",
    workers.every((worker) => limitOf(worker, "memory") && limitOf(worker, "processes")),
    {
      tried: "the limits that each connected worker keeps for a sandbox",
      found: workers.map((worker) => `${worker.name}: ${describeLimits(worker)}`).join("; "),
      lost: "one agent can take the machine's memory or processes from all others",
      remedy: "Give the worker a control group of its own and set SLIPWAY_MEMORY_LIMIT=4g, say; docs/sandbox.md says how.",
    },
  );
}

function describeLimits(worker: Pick<WorkerView, "capabilities">): string {
  const [memory, processes, file] = [limitOf(worker, "memory"), limitOf(worker, "processes"), limitOf(worker, "file")];
  const parts = [memory && `memory ${bytes(memory)}`, processes && `${processes} processes`, file && `files of ${bytes(file)}`].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : "none";
}

function limitOf({ capabilities }: Pick<WorkerView, "capabilities">, name: string): number | undefined {
  const prefix = `limit:${name}:`;
  const found = capabilities.find((capability) => capability.startsWith(prefix));
  return found === undefined ? undefined : Number(found.slice(prefix.length));
}
