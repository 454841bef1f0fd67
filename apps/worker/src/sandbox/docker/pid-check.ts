import { readFileSync } from "node:fs";

/** Whether the process with this number, as this worker sees it, is in the container: an engine elsewhere counts its processes otherwise. */
export function isContainers(pid: number, containerId: string): boolean {
  return pid > 0 && cgroupPaths(pid).some(({ path }) => path.includes(containerId));
}

/** The control groups of a process, by cgroups(7); none where it is gone or this is not Linux. */
export function cgroupPaths(pid: number): Array<{ readonly controllers: string; readonly path: string }> {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8")
      .split("\n")
      .flatMap((line) => {
        const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
        return controllers === undefined || path === undefined ? [] : [{ controllers, path }];
      });
  } catch {
    return [];
  }
}
