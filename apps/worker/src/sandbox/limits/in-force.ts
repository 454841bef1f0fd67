import { existsSync } from "node:fs";
import { SlipwayError } from "@slipway/protocol/errors";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { openControlGroups } from "./control-groups.ts";
import type { SandboxLimits } from "./limits.ts";

/** Of util-linux; inside a sandbox it is where it is outside. */
const PRLIMIT = "/usr/bin/prlimit";

/**
 * Those of the limits that hold here. In containers all of them. Elsewhere, with control groups, memory and processes; without, in bubblewrap alone: the
 * size of a file, and processes unless the worker is root, whom the kernel does not count.
 */
export function limitsInForce(kind: SandboxKind, limits: SandboxLimits): SandboxLimits {
  if (kind === "docker") return limits;
  const hasGroups = "groups" in openControlGroups(limits);
  const hasResourceLimits = kind === "bwrap" && existsSync(PRLIMIT);
  return {
    memoryBytes: hasGroups ? limits.memoryBytes : null,
    processes: hasGroups || (hasResourceLimits && process.getuid?.() !== 0) ? limits.processes : null,
    fileBytes: hasResourceLimits ? limits.fileBytes : null,
    cpus: null,
  };
}

/** A limit that a person asked for holds, or the worker does not start: SANDBOX_UNAVAILABLE, with the reason. */
export function requireLimits(kind: SandboxKind, asked: Partial<SandboxLimits>): void {
  const limits = { memoryBytes: null, processes: null, fileBytes: null, cpus: null, ...asked };
  const inForce = limitsInForce(kind, limits);
  const failing = (["memoryBytes", "processes", "fileBytes", "cpus"] as const).filter((name) => inForce[name] !== limits[name]);
  if (failing.length === 0) return;
  const opened = openControlGroups(limits);
  const reason = failing.includes("cpus")
    ? "only containers bound processors"
    : "reason" in opened
      ? opened.reason
      : "only bubblewrap and containers bound the size of a file";
  throw new SlipwayError("SANDBOX_UNAVAILABLE", `A limit that was asked for cannot be kept here (${failing.join(", ")}): ${reason}.`, {
    failing,
    hint: "Run the worker as a systemd service of its own with `Delegate=yes` and `DelegateSubgroup=worker`, or name a control group that is yours in SLIPWAY_CGROUP; or leave the limit out.",
  });
}

/** Before the command of a sandbox of bubblewrap: no core dumps among a job's files, and what the kernel bounds for each process by itself. */
export function resourceLimitPrefix(limits: SandboxLimits): string[] {
  if (!existsSync(PRLIMIT)) return [];
  const bound = (name: string, value: number | null): string[] => (value === null ? [] : [`--${name}=${value}:${value}`]);
  return [PRLIMIT, "--core=0:0", ...bound("nproc", limits.processes), ...bound("fsize", limits.fileBytes), "--"];
}

/** What a worker says of itself, and a job can require: `limit:memory:4294967296`. */
export function limitCapabilities({ memoryBytes, processes, fileBytes, cpus }: SandboxLimits): string[] {
  const named = { memory: memoryBytes, processes, file: fileBytes, cpus };
  return Object.entries(named).flatMap(([name, value]) => (value === null ? [] : [`limit:${name}:${value}`]));
}
