import { createProcTable } from "./proc-table.ts";
import { createPsTable } from "./ps-table.ts";

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessMark {
  readonly pid: number;
  /** As the table of this system tells it; only for comparing. */
  readonly startTime: string;
}

export interface ProcessEntry extends ProcessMark {
  readonly parent: number;
  readonly group: number;
  /** Carries the label that was asked for in the environment it was started with, as far as the system shows that. */
  readonly isLabelled: boolean;
}

/** Processor time of a process, in ms. */
export interface ProcessCpu {
  readonly ownMs: number;
  /** Of its children that have ended, and theirs. */
  readonly endedChildrenMs: number;
}

/** What the system says of processes. Synchronous, because a dead-man's switch waits for nothing. Throws where the system does not say it at all. */
export interface ProcessTable {
  /** The mark of a live process; undefined where there is none, or only its zombie. */
  mark(pid: number): ProcessMark | undefined;
  /** Whether exactly this process is still alive. */
  isAlive(mark: ProcessMark): boolean;
  /** All live processes; `label` is NAME=value, undefined where none is looked for. */
  list(label: string | undefined): ProcessEntry[];
  /** Undefined where there is no such process, or the table does not tell. */
  cpu(pid: number): ProcessCpu | undefined;
  /** The resident set of a process, in bytes, shared pages included; undefined as for `cpu`. */
  memory(pid: number): number | undefined;
}

let known: { choice: string; table: ProcessTable } | undefined;

/**
 * The table of this system: `/proc` on Linux, `ps` on macOS. Throws elsewhere. SLIPWAY_PROCESS_TABLE=ps makes Linux take `ps` too, to try that there.
 */
export function processTable(): ProcessTable {
  const choice = process.env["SLIPWAY_PROCESS_TABLE"] === "ps" ? "ps" : process.platform;
  if (known?.choice !== choice) known = { choice, table: createTable(choice) };
  return known.table;
}

function createTable(choice: string): ProcessTable {
  if (choice === "linux") return createProcTable();
  if (choice === "darwin" || choice === "ps") return createPsTable();
  throw new Error(`processes cannot be told apart on ${choice}`);
}

/** Where a family is looked for beside its label. */
export interface FamilySeeds {
  readonly pids?: Iterable<number> | undefined;
  /** Process groups that nobody else can be in. */
  readonly groups?: Iterable<number> | undefined;
}

/**
 * The labelled processes, the seeds, what is in their process groups, and all that descends from any of them; never this process itself. What left its
 * group, lost its parent, and cleared its label or runs where the system hides it, is not found.
 */
export function familyOf(entries: readonly ProcessEntry[], seeds: FamilySeeds = {}): ProcessEntry[] {
  const pids = new Set(seeds.pids);
  const groups = new Set(seeds.groups);
  // This process's own group holds others that are nobody's business here.
  const ownGroup = entries.find(({ pid }) => pid === process.pid)?.group;
  if (ownGroup !== undefined) groups.delete(ownGroup);
  for (let before = -1; before < pids.size; ) {
    before = pids.size;
    for (const { pid, parent, group, isLabelled } of entries) {
      if (!pids.has(pid) && !(isLabelled && pid !== process.pid) && !pids.has(parent) && !groups.has(group)) continue;
      pids.add(pid);
      if (group !== ownGroup) groups.add(group);
    }
  }
  return entries.filter(({ pid }) => pids.has(pid) && pid !== process.pid);
}
