import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** What an installation still has on this machine, for "nothing is left over" in tests. */
export interface Leftovers {
  /** Command lines of processes whose root, working folder, environment or arguments name the data folder. */
  readonly processes: string[];
  readonly mounts: string[];
  /** Folders of attempts. */
  readonly attempts: string[];
  /** Linked worktrees that a repository of the worker still lists. */
  readonly worktrees: string[];
}

async function lines(file: string): Promise<string[]> {
  // A process may end while we look at it.
  return (await readFile(file, "utf8").catch(() => "")).split(/[\n\0]/).filter(Boolean);
}

/** Processes that have to do with a data folder, by command line or environment; `[pid, command line]`. */
export async function processesOf(data: string): Promise<Array<[number, string]>> {
  const found: Array<[number, string]> = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const commandLine = (await lines(`/proc/${pid}/cmdline`)).join(" ");
    const text = [
      commandLine,
      ...(await lines(`/proc/${pid}/environ`)),
      await readlink(`/proc/${pid}/cwd`).catch(() => ""),
      ...(await lines(`/proc/${pid}/mountinfo`)),
    ].join("\n");
    if (commandLine !== "" && text.includes(data)) found.push([Number(pid), commandLine]);
  }
  return found;
}

async function folders(dir: string): Promise<string[]> {
  return await readdir(dir).catch(() => []);
}

/** Looks for what is left of an installation. */
export async function leftovers(data: string): Promise<Leftovers> {
  const worktrees: string[] = [];
  for (const repository of await folders(join(data, "worker", "repositories"))) {
    for (const store of await folders(join(data, "worker", "repositories", repository))) {
      for (const name of await folders(join(data, "worker", "repositories", repository, store, "worktrees"))) worktrees.push(`${repository}/${store}/${name}`);
    }
  }
  return {
    processes: (await processesOf(data)).map(([pid, commandLine]) => `${pid} ${commandLine}`),
    mounts: (await lines("/proc/self/mountinfo")).filter((line) => line.includes(data)),
    attempts: await folders(join(data, "worker", "attempts")),
    worktrees,
  };
}
