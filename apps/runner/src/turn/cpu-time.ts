import { familyOf, processTable } from "@slipway/process/process-table";

const LABEL = "SLIPWAY_SANDBOX";

/**
 * Processor time of all that the agent started, in ms, so far: with what has ended, as far as its parent is still there. The runner's own is left out: it
 * would be a sign of the runner. Undefined where the system does not tell it.
 */
export function agentCpuMs(ownNamespace: boolean): number | undefined {
  const table = processTable();
  const own = table.cpu(process.pid);
  if (own === undefined) return undefined;
  const value = process.env[LABEL];
  const others = ownNamespace
    ? table.list(undefined).filter(({ pid }) => pid !== process.pid)
    : familyOf(table.list(value === undefined ? undefined : `${LABEL}=${value}`), { pids: [process.pid] });
  return others.reduce((sum, { pid }) => {
    const cpu = table.cpu(pid);
    return cpu === undefined ? sum : sum + cpu.ownMs + cpu.endedChildrenMs;
  }, own.endedChildrenMs);
}
