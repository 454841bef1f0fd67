import { readdirSync, readFileSync } from "node:fs";
import type { ProcessEntry, ProcessMark, ProcessTable } from "./process-table.ts";

/** Linux: what proc(5) says. A start time is field 22 of /proc/PID/stat, in clock ticks from boot. */
export function createProcTable(): ProcessTable {
  return { mark, isAlive, list };
}

function mark(pid: number): ProcessMark | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime };
}

function isAlive(known: ProcessMark): boolean {
  return readStat(known.pid)?.startTime === known.startTime;
}

function list(label: string | undefined): ProcessEntry[] {
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined;
    return stat ? [{ pid, ...stat, isLabelled: label !== undefined && carries(pid, label) }] : [];
  });
}

function readStat(pid: number): Omit<ProcessEntry, "pid" | "isLabelled"> | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    // Gone, which is an answer.
    return undefined;
  }
  // The command name, in brackets, may hold anything; the fields after it are plain.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group, startTime] = [fields[0], fields[1], fields[2], fields[19]];
  if (startTime === undefined || state === "Z" || state === "X") return undefined;
  return { parent: Number(parent), group: Number(group), startTime };
}

function carries(pid: number, label: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}\0`.includes(`\0${label}\0`);
  } catch {
    // Gone, or another user's and so not ours.
    return false;
  }
}
