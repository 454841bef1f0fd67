import { readdirSync, readFileSync } from "node:fs";
import type { ProcessCpu, ProcessEntry, ProcessMark, ProcessTable } from "./process-table.ts";

/** Linux: what proc(5) says. A start time is field 22 of /proc/PID/stat, in clock ticks from boot. */
export function createProcTable(): ProcessTable {
  return { mark, isAlive, list, cpu, memory };
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

/** A clock tick of proc(5), in ms: USER_HZ is 100 on every platform that Node runs on. */
const TICK_MS = 10;

/** Fields 14 to 17: user and system time of its own, and of the children that it has waited for. */
function cpu(pid: number): ProcessCpu | undefined {
  const fields = readFields(pid);
  if (!fields) return undefined;
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number);
  return { ownMs: (user + system) * TICK_MS, endedChildrenMs: (childrenUser + childrenSystem) * TICK_MS };
}

/** In kB, whatever the size of a page is; a process that is ending has none. */
function memory(pid: number): number | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    // Gone, which is an answer.
    return undefined;
  }
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
}

/** From field 3 on. The command name, in brackets, may hold anything; the fields after it are plain. */
function readFields(pid: number): string[] | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    // Gone, which is an answer.
    return undefined;
  }
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readStat(pid: number): Omit<ProcessEntry, "pid" | "isLabelled"> | undefined {
  const fields = readFields(pid);
  if (!fields) return undefined;
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
