import { readdirSync, readFileSync } from "node:fs";

const LABEL = "SLIPWAY_SANDBOX";

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
 * from this process or carries its label.
 */
export function killOthers(ownNamespace: boolean): void {
  if (ownNamespace) {
    kill(-1);
    return;
  }
  // What forks while others are looked for is found in the next round.
  for (let round = 0; round < 20; round += 1) {
    const pids = ownOthers();
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
  }
}

function ownOthers(): number[] {
  const label = process.env[LABEL];
  const processes = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => describe(Number(entry), label) ?? []);
  const own = new Set([process.pid, ...processes.filter(({ isLabelled }) => isLabelled).map(({ pid }) => pid)]);
  for (let before = 0; before < own.size; ) {
    before = own.size;
    for (const { pid, parent } of processes) if (own.has(parent)) own.add(pid);
  }
  return processes.filter(({ pid }) => own.has(pid) && pid !== process.pid).map(({ pid }) => pid);
}

function describe(pid: number, label: string | undefined): { pid: number; parent: number; isLabelled: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    const isLabelled = label !== undefined && `\0${environmentOf(pid)}`.includes(`\0${LABEL}=${label}\0`);
    return { pid, parent: Number(parent), isLabelled };
  } catch {
    // Gone meanwhile.
    return undefined;
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    // Another user's process, and so not ours.
    return "";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone, or nobody else there.
  }
}
