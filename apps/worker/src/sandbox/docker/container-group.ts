import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ResourceGroup } from "../limits/resource-groups.ts";
import type { MemoryEvidence } from "../sandbox.ts";
import type { LiveContainer } from "./container.ts";
import type { DockerHost } from "./host.ts";
import { cgroupPaths } from "./pid-check.ts";

const MOUNT = "/sys/fs/cgroup";

/** What a container used, by its own control group; by the engine's events where the worker cannot see that, and when it is gone. */
export function containerGroup(host: DockerHost, { id, first }: LiveContainer): ResourceGroup {
  const counter = first ? killCounterOf(first.pid) : undefined;
  const { memoryBytes: limitBytes } = host.settings.limits;
  let last: MemoryEvidence | null = null;
  let isOver = false;
  return {
    prefix: [],
    memoryEvidence() {
      if (isOver) return last;
      const kills = Math.max(host.oomEvents.of(id), counter?.() ?? 0, last?.kills ?? 0);
      last = kills > 0 ? { kills, of: "sandbox", limitBytes } : null;
      return last;
    },
    async end() {
      this.memoryEvidence();
      isOver = true;
      host.oomEvents.forget(id);
    },
  };
}

/** Reads how many processes of a control group were killed for want of memory: cgroup-v1/memory.txt, cgroup-v2.txt. */
function killCounterOf(pid: number): (() => number) | undefined {
  const groups = cgroupPaths(pid);
  const old = groups.find(({ controllers }) => controllers.split(",").includes("memory"));
  const unified = groups.find(({ controllers }) => controllers === "");
  const file = old ? join(MOUNT, "memory", old.path, "memory.oom_control") : unified ? join(MOUNT, unified.path, "memory.events") : undefined;
  if (file === undefined) return undefined;
  return () => {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0);
    } catch {
      // The container is gone, and its group with it: what was counted before stands.
      return 0;
    }
  };
}
