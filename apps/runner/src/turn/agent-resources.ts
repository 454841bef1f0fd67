import { familyOf, processTable } from "@slipway/process/process-table";

const LABEL = "SLIPWAY_SANDBOX";

/** What the agent and all that it started have taken so far. */
export interface AgentResources {
  /** Processor time, in ms: with what has ended, as far as its parent is still there. */
  readonly cpuMs: number;
  /** The sum of the resident sets of what runs now, in bytes. */
  readonly memoryBytes: number;
}

/** Counted now; the runner's own is left out: it would be a sign of the runner. Undefined where the system does not tell it. */
export function agentResources(ownNamespace: boolean): AgentResources | undefined {
  const table = processTable();
  const own = table.cpu(process.pid);
  if (own === undefined) return undefined;
  const value = process.env[LABEL];
  const others = ownNamespace
    ? table.list(undefined).filter(({ pid }) => pid !== process.pid)
    : familyOf(table.list(value === undefined ? undefined : `${LABEL}=${value}`), { pids: [process.pid] });
  let cpuMs = own.endedChildrenMs;
  let memoryBytes = 0;
  for (const { pid } of others) {
    const cpu = table.cpu(pid);
    if (cpu) cpuMs += cpu.ownMs + cpu.endedChildrenMs;
    memoryBytes += table.memory(pid) ?? 0;
  }
  return { cpuMs, memoryBytes };
}
