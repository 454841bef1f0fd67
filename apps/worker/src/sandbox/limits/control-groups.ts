import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { MemoryEvidence } from "../sandbox.ts";
import type { SandboxLimits } from "./limits.ts";
import type { ResourceGroup, ResourceGroups } from "./resource-groups.ts";

/** Where the worker itself goes when its own group is to have others below: a group with controllers for its children may hold no process (cgroups(7)). */
const OWN_LEAF = "slipway-worker";
const REMOVE_LIMIT_MS = 5_000;
/** What a program says, and how it ends, that could not enter its group. */
const REFUSED = "slipway: cannot enter the control group";
const REFUSED_EXIT = 125;
/** A shell that goes into the group first and then becomes the program. */
const ENTER = ["/bin/sh", "-c", `echo 0 >"$0/cgroup.procs" || { echo "${REFUSED}" >&2; exit ${REFUSED_EXIT}; }; exec "$@"`];

/** SANDBOX_UNAVAILABLE where a program ended because it could not enter its group. */
export function requireEntered(group: ResourceGroup, exitCode: number | null, output: Buffer): void {
  if (group.prefix.length > 0 && exitCode === REFUSED_EXIT && output.includes(REFUSED)) throw new SlipwayError("SANDBOX_UNAVAILABLE", `${REFUSED}.`);
}

type Opened = { readonly groups: ResourceGroups } | { readonly reason: string };

let prepared: { folder: string } | { reason: string } | undefined;

/**
 * Control groups of version 2 below the group that this worker runs in, or below SLIPWAY_CGROUP; otherwise why there are none. The worker's group must be
 * delegated to it and to it alone, as systemd does it with `Delegate=yes`. Looked at once.
 */
export function openControlGroups(limits: SandboxLimits): Opened {
  prepared ??= prepare();
  return "reason" in prepared ? prepared : { groups: groupsIn(prepared.folder, limits) };
}

function prepare(): { folder: string } | { reason: string } {
  if (process.platform !== "linux") return { reason: "control groups are Linux's" };
  try {
    const own = ownGroup();
    const folder = process.env["SLIPWAY_CGROUP"] ?? (own && delegatedAbove(own));
    if (folder === undefined) return { reason: "there are no control groups of version 2" };
    const missing = ["memory", "pids"].filter((name) => !words(join(folder, "cgroup.controllers")).includes(name));
    if (missing.length > 0) return { reason: `${folder} has no controller for ${missing.join(" and ")}` };
    accessSync(folder, constants.W_OK);
    if (!isReady(folder)) makeReady(folder, own);
    return { folder };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

/** The folder of this process's own group. */
function ownGroup(): string | undefined {
  const path = /^0::(\/.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];
  // Root and mount point of a mount, then options until a lone hyphen, then its type: proc_pid_mountinfo(5).
  const mount = /^\d+ \d+ \S+ (\S+) (\S+) .*- cgroup2 /m.exec(readFileSync("/proc/self/mountinfo", "utf8"));
  if (path === undefined || mount?.[1] === undefined || mount[2] === undefined) return undefined;
  const below = relative(mount[1], path);
  return below.startsWith("..") ? undefined : join(mount[2], below);
}

/** What systemd delegates is a unit's group: the worker may stand in it, or in a group below (`DelegateSubgroup=`). */
function delegatedAbove(own: string): string {
  const isUnit = (path: string): boolean => /\.(service|scope)$/.test(path);
  if (isUnit(own)) return own;
  const parent = dirname(own);
  return isUnit(parent) || basename(own) === OWN_LEAF ? parent : own;
}

function isReady(folder: string): boolean {
  const enabled = words(join(folder, "cgroup.subtree_control"));
  return enabled.includes("memory") && enabled.includes("pids");
}

/** Lets the children of the group be bounded. Throws where other processes are in it, which are not ours to move. */
function makeReady(folder: string, own: string | undefined): void {
  const leaf = join(folder, OWN_LEAF);
  // The root of all groups has no type, and may hold processes all the same.
  const isInside = own === folder && existsSync(join(folder, "cgroup.type"));
  if (isInside) {
    mkdirSync(leaf, { recursive: true });
    writeFileSync(join(leaf, "cgroup.procs"), "0");
  }
  try {
    writeFileSync(join(folder, "cgroup.subtree_control"), "+memory +pids");
  } catch (error) {
    if (isInside) {
      writeFileSync(join(folder, "cgroup.procs"), "0");
      rmdirSync(leaf);
    }
    throw new Error(`${folder} cannot be divided: ${(error as Error).message}`, { cause: error });
  }
}

function words(path: string): string[] {
  return readFileSync(path, "utf8").trim().split(" ");
}

function groupsIn(folder: string, limits: SandboxLimits): ResourceGroups {
  const folderOf = (sandboxId: string): string => join(folder, `slipway-${createHash("sha256").update(sandboxId).digest("hex").slice(0, 16)}`);
  return {
    open(sandboxId, name) {
      const sandbox = folderOf(sandboxId);
      try {
        makeSandboxGroup(sandbox, limits);
        const leaf = join(sandbox, name);
        mkdirSync(leaf, { recursive: true });
        return groupOf(leaf, limits.memoryBytes);
      } catch (error) {
        throw new SlipwayError("SANDBOX_UNAVAILABLE", `The control group of a sandbox cannot be made: ${(error as Error).message}.`, {}, { cause: error });
      }
    },
    async endAll(sandboxId) {
      await removeTree(folderOf(sandboxId));
    },
  };
}

/** The bounds are the whole sandbox's, whatever of it runs side by side; each part below is counted by itself. */
function makeSandboxGroup(folder: string, limits: SandboxLimits): void {
  mkdirSync(folder, { recursive: true });
  if (limits.memoryBytes !== null) {
    writeFileSync(join(folder, "memory.max"), String(limits.memoryBytes));
    // Else the limit would only begin a long time of swapping. A machine without swap has no such file.
    if (existsSync(join(folder, "memory.swap.max"))) writeFileSync(join(folder, "memory.swap.max"), "0");
  }
  if (limits.processes !== null) writeFileSync(join(folder, "pids.max"), String(limits.processes));
  writeFileSync(join(folder, "cgroup.subtree_control"), "+memory +pids");
}

function groupOf(leaf: string, limitBytes: number | null): ResourceGroup {
  let last: MemoryEvidence | null = null;
  const look = (): MemoryEvidence | null => {
    const kills = Number(/^oom_kill (\d+)$/m.exec(readIfThere(join(leaf, "memory.events")))?.[1] ?? 0);
    if (kills > 0) last = { kills, of: "sandbox", limitBytes };
    return last;
  };
  return {
    prefix: [...ENTER, leaf],
    memoryEvidence: look,
    async end() {
      look();
      await removeTree(leaf);
      try {
        rmdirSync(dirname(leaf));
      } catch {
        // Another part of the sandbox is still there, or it is gone already.
      }
    },
  };
}

/** Kills what is in a group and below, and removes them. What the kernel does not let go of in time stays, empty or dying, and bounds nobody. */
async function removeTree(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  const endAt = performance.now() + REMOVE_LIMIT_MS;
  for (let pauseMs = 1; performance.now() < endAt; pauseMs = Math.min(pauseMs * 2, 50)) {
    killAll(folder);
    if (tryRemove(folder)) return;
    await delay(pauseMs);
  }
}

function killAll(folder: string): void {
  try {
    writeFileSync(join(folder, "cgroup.kill"), "1");
  } catch {
    // Before Linux 5.14, or gone meanwhile.
    for (const pid of readIfThere(join(folder, "cgroup.procs")).split("\n").filter(Boolean)) killOne(Number(pid));
    for (const child of childrenOf(folder)) killAll(child);
  }
}

function killOne(pid: number): void {
  try {
    // 0 stands for a process that this namespace does not see.
    if (pid > 0) process.kill(pid, "SIGKILL");
  } catch {
    // Gone.
  }
}

function tryRemove(folder: string): boolean {
  for (const child of childrenOf(folder)) tryRemove(child);
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function childrenOf(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name)] : []));
  } catch {
    // Gone.
    return [];
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The group is gone, or its kernel counts nothing.
    return "";
  }
}
