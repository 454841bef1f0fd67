import { readFileSync, writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { killOthers } from "./namespace.ts";
import type { SwitchSettings } from "./switch.ts";

const LOOK_EVERY_MS = 250;
/** For a lease file that is missing or broken from the start; a worker writes one before it starts a runner. */
const FIRST_LEASE_MS = 30_000;

const { leaseFile, ownNamespace } = workerData as SwitchSettings;
let deadlineMs = nowMs() + FIRST_LEASE_MS;
look();

function look(): void {
  deadlineMs = readDeadline() ?? deadlineMs;
  const leftMs = deadlineMs - nowMs();
  if (leftMs <= 0) end();
  setTimeout(look, Math.min(LOOK_EVERY_MS, Math.max(1, leftMs)));
}

/** CLOCK_MONOTONIC, the clock of the lease file. */
function nowMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

function readDeadline(): number | undefined {
  try {
    const value: unknown = (JSON.parse(readFileSync(leaseFile, "utf8")) as { deadlineMonotonicMs?: unknown }).deadlineMonotonicMs;
    return typeof value === "number" ? value : undefined;
  } catch {
    // No readable lease moves no deadline: the last known one stands.
    return undefined;
  }
}

function end(): void {
  try {
    writeSync(2, "the lease is over: the runner ends its sandbox\n");
  } finally {
    killOthers(ownNamespace);
    // In a namespace of its own, its first process ends with this one, and the kernel ends whatever is left.
    process.kill(process.pid, "SIGKILL");
  }
}
