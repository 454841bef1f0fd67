import { readFileSync } from "node:fs";

/** How many processes the kernel has killed for want of memory since the machine's start, anybody's; undefined where it does not say. */
export function machineKills(): number | undefined {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync("/proc/vmstat", "latin1"))?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    // Not Linux.
    return undefined;
  }
}
