import { readFileSync, watch } from "node:fs";
import { join } from "node:path";
import type { ResourceGroup } from "../limits/resource-groups.ts";
import type { MemoryEvidence, ProcessEvidence } from "../sandbox.ts";
import type { LiveContainer } from "./container.ts";
import type { DockerHost } from "./host.ts";
import { cgroupPaths } from "./pid-check.ts";

const MOUNT = "/sys/fs/cgroup";

/** Pause between two looks at a counter that the kernel does not tell of, in ms: less than it takes until an ended container's counters are gone. */
const LOOK_MS = 10;

/**
 * What a container used, by its own control group; by the engine's events where the worker cannot see that, and when it is gone. `watched`: what it was refused
 * is known after its end too, for a command that fails by it and is gone.
 */
export function containerGroup(host: DockerHost, { id, first }: LiveContainer, { watched }: { watched: boolean }): ResourceGroup {
  const counters = first ? countersOf(first.pid) : undefined;
  const { memoryBytes: limitBytes, processes: limit } = host.settings.limits;
  let memory: MemoryEvidence | null = null;
  let processes: ProcessEvidence | null = null;
  let isOver = false;
  const group: ResourceGroup = {
    prefix: [],
    memoryEvidence() {
      if (isOver) return memory;
      const kills = Math.max(host.oomEvents.of(id), counters?.kills() ?? 0, memory?.kills ?? 0);
      memory = kills > 0 ? { kills, of: "sandbox", limitBytes } : null;
      return memory;
    },
    processEvidence() {
      if (isOver) return processes;
      const refused = Math.max(counters?.refused() ?? 0, processes?.refused ?? 0);
      processes = refused > 0 ? { refused, limit } : null;
      return processes;
    },
    async end() {
      group.memoryEvidence();
      group.processEvidence?.();
      isOver = true;
      stopWatching?.();
      host.oomEvents.forget(id);
    },
  };
  const stopWatching = watched ? counters?.watchRefused(() => group.processEvidence?.()) : undefined;
  return group;
}

interface Counters {
  /** Processes that were killed for want of memory. */
  kills(): number;
  /** Processes that were not started. */
  refused(): number;
  /** Calls back whenever one more was not; until the function that it answers is called. */
  watchRefused(onMore: () => void): () => void;
}

/** What a control group counts, by the kernel's cgroup-v1/memory.rst, cgroup-v1/pids.rst and cgroup-v2.rst. */
function countersOf(pid: number): Counters {
  const groups = cgroupPaths(pid);
  const folderOf = (controller: string): { folder: string; isOld: boolean } | undefined => {
    const old = groups.find(({ controllers }) => controllers.split(",").includes(controller));
    const unified = groups.find(({ controllers }) => controllers === "");
    const path = old ? join(MOUNT, controller, old.path) : unified && join(MOUNT, unified.path);
    return path === undefined ? undefined : { folder: path, isOld: old !== undefined };
  };
  const [memory, pids] = [folderOf("memory"), folderOf("pids")];
  const refusals = pids && join(pids.folder, "pids.events");
  return {
    kills: () => (memory ? count(join(memory.folder, memory.isOld ? "memory.oom_control" : "memory.events"), /^oom_kill (\d+)$/m) : 0),
    refused: () => (refusals === undefined ? 0 : count(refusals, /^max (\d+)$/m)),
    watchRefused(onMore) {
      if (pids === undefined || refusals === undefined) return () => {};
      if (pids.isOld) {
        const timer = setInterval(onMore, LOOK_MS).unref();
        return () => clearInterval(timer);
      }
      try {
        // Of version 2 the kernel tells a change as it does of any file.
        const watcher = watch(refusals, { persistent: false }, onMore);
        watcher.on("error", () => {});
        return () => watcher.close();
      } catch {
        // Gone already, or no more watches to be had: what a look shows is what there is.
        return () => {};
      }
    },
  };
}

function count(file: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(file, "utf8"))?.[1] ?? 0);
  } catch {
    // The container is gone, and its group with it: what was counted before stands.
    return 0;
  }
}
