import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { leaseFileSchema } from "@slipway/protocol/runner-protocol";

/** What a sandbox gets from `start` where no lease was written yet: time enough for the first renewal. */
export const FIRST_LEASE_MS = 30_000;

/** Where the lease file lies in the control folder of a sandbox. */
export function leaseFileIn(control: string): string {
  return join(control, "lease.json");
}

/** Now on CLOCK_MONOTONIC, in ms; the same clock in every process of the machine. */
export function monotonicNowMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/**
 * Moves the deadline at which the runner ends its namespace. Atomic: a reader sees the old file or the new one. Synchronous and small, so that a
 * thread of its own can call it. Throws what the file system says.
 */
export function writeLeaseFile(path: string, deadlineMonotonicMs: number): void {
  const next = `${path}.next`;
  // The folder closes it to others; who is shown the folder may be another user, in a container.
  writeFileSync(next, JSON.stringify({ deadlineMonotonicMs }), { mode: 0o644 });
  // The folder is what is mounted inside, not the file, so the renamed file shows there.
  renameSync(next, path);
}

/** The deadline in the file, in ms on CLOCK_MONOTONIC; undefined where there is none. */
export function readLeaseFile(path: string): number | undefined {
  try {
    return leaseFileSchema.parse(JSON.parse(readFileSync(path, "utf8"))).deadlineMonotonicMs;
  } catch {
    // Missing or not a lease: for the caller both mean that no deadline is known.
    return undefined;
  }
}
