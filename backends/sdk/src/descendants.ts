import { readdirSync, readFileSync } from "node:fs";

/** All that a process has started, as far as Linux tells; none elsewhere. Agents give their commands sessions of their own, which a kill of the group misses. */
export function descendantsOf(pid: number): number[] {
  const found: number[] = [];
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const child of childrenOf(next)) {
      found.push(child);
      open.push(child);
    }
  }
  return found;
}

/** Ends these at once; those that are gone already are none of its business. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Ended with another of them.
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    // It is gone, or this is no Linux.
    return [];
  }
}
