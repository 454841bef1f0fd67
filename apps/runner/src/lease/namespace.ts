import { readFileSync } from "node:fs";
import { familyOf, processTable } from "@slipway/process/process-table";

const LABEL = "SLIPWAY_SANDBOX";
const ROUNDS = 20;

/**
 * Whether this process may end all that it sees: the first process of its PID namespace is the one that the worker put there for it. Asked beside the flag,
 * because on a bare host the same call would end everything.
 */
export function isAloneInNamespace(): boolean {
  try {
    return process.ppid === 1 && readFileSync("/proc/1/cmdline", "latin1").split("\0").includes("slipway-init");
  } catch {
    // No /proc of its own: not the sandbox that the flag promised.
    return false;
  }
}

/**
 * Kills every process of the sandbox but this one. In a PID namespace of its own that is one call, which nothing escapes; on a bare host it is what descends
 * from this process, shares a process group with that, or carries its label.
 */
export function killOthers(ownNamespace: boolean): void {
  if (ownNamespace) {
    kill(-1);
    return;
  }
  const value = process.env[LABEL];
  const groups = new Set<number>();
  // What forks while others are looked for is found in the next round.
  for (let round = 0; round < ROUNDS; round += 1) {
    const family = familyOf(processTable().list(value === undefined ? undefined : `${LABEL}=${value}`), { pids: [process.pid], groups });
    if (family.length === 0) return;
    for (const { pid, group } of family) {
      groups.add(group);
      kill(pid);
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone, or nobody else there.
  }
}
