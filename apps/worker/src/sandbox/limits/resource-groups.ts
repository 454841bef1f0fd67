import { randomUUID } from "node:crypto";
import type { MemoryEvidence, ProcessEvidence } from "../sandbox.ts";
import { openControlGroups } from "./control-groups.ts";
import type { SandboxLimits } from "./limits.ts";
import { machineKills } from "./machine-kills.ts";

/** Name of the group of a sandbox's resident part. */
export const RUNNER_GROUP = "runner";

/** Counts, and where it can bounds and ends, what one process tree of a sandbox uses. */
export interface ResourceGroup {
  /** Before the argv of the first process, so that it and all that it starts are in the group from the beginning; empty where there is none. */
  readonly prefix: readonly string[];
  /** See `Sandbox.memoryEvidence`; the last answer stands after `end`. */
  memoryEvidence(): MemoryEvidence | null;
  /** See `Sandbox.processEvidence`. */
  processEvidence?(): ProcessEvidence | null;
  /** Kills whatever is in it, however it got away from its parents, and removes it. Twice is no error. */
  end(): Promise<void>;
}

export interface ResourceGroups {
  /** The group of a process tree of this sandbox, made where it is not there yet. SANDBOX_UNAVAILABLE where that fails. */
  open(sandboxId: string, name: string): ResourceGroup;
  /** Ends all groups of this sandbox, those that a killed worker left too. */
  endAll(sandboxId: string): Promise<void>;
}

/** Control groups where this worker may make some, else nothing but the machine's own count of kills. */
export function openResourceGroups(limits: SandboxLimits): ResourceGroups {
  const opened = openControlGroups(limits);
  return "groups" in opened ? opened.groups : UNGROUPED;
}

/** Does something in a group of its own, which is ended with it, however it ends. */
export async function inOwnGroup<T>(groups: ResourceGroups, sandboxId: string, work: (group: ResourceGroup) => Promise<T>): Promise<T> {
  const group = groups.open(sandboxId, `run-${randomUUID()}`);
  try {
    return await work(group);
  } finally {
    await group.end();
  }
}

const UNGROUPED: ResourceGroups = {
  open() {
    const before = machineKills();
    let last: MemoryEvidence | null = null;
    let isOver = false;
    return {
      prefix: [],
      memoryEvidence() {
        const kills = isOver ? 0 : (machineKills() ?? 0) - (before ?? 0);
        if (kills > 0) last = { kills, of: "machine", limitBytes: null };
        return last;
      },
      async end() {
        if (!isOver) this.memoryEvidence();
        isOver = true;
      },
    };
  },
  async endAll() {},
};
