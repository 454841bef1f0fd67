import { readdirSync, readFileSync } from "node:fs";
import { markProcess, type ProcessMark } from "../processes.ts";

/** Carried by every process of a sandbox without isolation; its value is the sandbox's id. */
export const LABEL = "SLIPWAY_SANDBOX";
/** Carried too by the processes of a one-shot. */
export const RUN_LABEL = "SLIPWAY_SANDBOX_RUN";

/**
 * The processes that carry `name=value` in the environment that they were started with, and all their descendants. By ownership label, never by the
 * name of a program; a process that cleared its environment and left its parent is not found, which is why `none` is best effort.
 */
export function labelledProcesses(name: string, value: string): ProcessMark[] {
  const pids = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
  const found = new Set(pids.filter((pid) => pid !== process.pid && carries(pid, `${name}=${value}`)));
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  for (let grew = true; grew; ) {
    const before = found.size;
    for (const [pid, parent] of parents) if (parent !== undefined && found.has(parent)) found.add(pid);
    grew = found.size > before;
  }
  return [...found].map(markProcess).filter((mark) => mark !== undefined);
}

function carries(pid: number, label: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}\0`.includes(`\0${label}\0`);
  } catch {
    // Gone, or another user's and so not ours.
    return false;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // Gone.
    return undefined;
  }
}
