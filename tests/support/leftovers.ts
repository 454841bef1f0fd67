import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";

/** What an installation still has on this machine, for "nothing is left over" in tests. Each list names what was found. */
export interface Leftovers {
  /** Command lines of processes whose working folder, environment, arguments or mounts name the data folder. */
  readonly processes: string[];
  readonly mounts: string[];
  /** Folders of attempts. */
  readonly attempts: string[];
  /** Places of sandboxes, with their workspaces. */
  readonly sandboxes: string[];
  /** Linked worktrees that a repository of a worker still lists. */
  readonly worktrees: string[];
  /** Folders for the socket of a sandbox. */
  readonly sockets: string[];
}

export const NOTHING_LEFT: Leftovers = { processes: [], mounts: [], attempts: [], sandboxes: [], worktrees: [], sockets: [] };

async function lines(file: string): Promise<string[]> {
  // A process may end while we look at it.
  return (await readFile(file, "utf8").catch(() => "")).split(/[\n\0]/).filter(Boolean);
}

interface Mount {
  /** The file system, as `major:minor`. */
  readonly device: string;
  /** What of the file system is mounted. */
  readonly root: string;
  readonly point: string;
}

/** The mounts of a process, by proc_pid_mountinfo(5). */
async function mountsOf(pid: number | string): Promise<Mount[]> {
  return (await lines(`/proc/${pid}/mountinfo`)).map((line) => {
    const [, , device = "", root = "", point = ""] = line.split(" ");
    return { device, root, point };
  });
}

/** Tells whether a mount shows something below a folder, wherever: a sandbox has its workspace under a path of its own. */
async function showsBelow(folder: string): Promise<(mount: Mount) => boolean> {
  const covers = ({ point }: Mount): boolean => point === "/" || folder === point || folder.startsWith(`${point}/`);
  const home = (await mountsOf("self")).filter(covers).reduce((best, mount) => (mount.point.length >= best.point.length ? mount : best));
  const below = `${join(home.root, folder.slice(home.point === "/" ? 0 : home.point.length))}/`.replace(/^\/+/, "/");
  return ({ device, root }) => device === home.device && root.startsWith(below) && root !== below;
}

/**
 * Processes that have to do with a data folder, by command line, environment, working folder or what they have mounted of it; `[pid, command line]`.
 * Only those whose command line fits, which is a quicker look; `runtime` is another folder whose name tells.
 */
export async function processesOf(data: string, fits = /./, runtime = data): Promise<Array<[number, string]>> {
  const found: Array<[number, string]> = [];
  const isBelow = await showsBelow(data);
  // At the same place are the machine's own mounts, which everybody has, and a sandbox of somebody else's in its first moments.
  const isOwn = (mount: Mount): boolean => isBelow(mount) && !mount.point.includes(data);
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const commandLine = (await lines(`/proc/${pid}/cmdline`)).join(" ");
    if (!fits.test(commandLine)) continue;
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    const text = [commandLine, ...(await lines(`/proc/${pid}/environ`)), folder].join("\n");
    if (text.includes(data) || text.includes(runtime) || (await mountsOf(pid)).some(isOwn)) found.push([Number(pid), commandLine]);
  }
  return found;
}

async function entries(dir: string): Promise<string[]> {
  return (await readdir(dir).catch(() => [])).map((name) => join(dir, name));
}

async function entriesOf(dirs: readonly string[]): Promise<string[]> {
  return (await Promise.all(dirs.map(entries))).flat();
}

/** Looks for what is left of an installation whose sockets lie below `runtime`. A second worker's folder is `<data>/second`. */
export async function leftovers(data: string, runtime: string): Promise<Leftovers> {
  const workers = [join(data, "worker"), join(data, "second", "worker")];
  const own = (name: string): Promise<string[]> => entriesOf(workers.map((worker) => join(worker, name)));
  const stores = await entriesOf(await own("repositories"));
  const runtimes = await entriesOf(await entries(runtime));
  return {
    processes: (await processesOf(data, undefined, runtime)).map(([pid, commandLine]) => `${pid} ${commandLine}`),
    // Where the data folder itself is a file system, that one is the test's; a worker that lives has its own folder as a mount.
    mounts: (await mountsOf("self")).flatMap(({ point }) => (point.startsWith(`${data}/`) && !workers.includes(point) ? [point] : [])),
    attempts: await own("attempts"),
    sandboxes: await own("sandboxes"),
    worktrees: await entriesOf(stores.map((store) => join(store, "worktrees"))),
    sockets: runtimes.filter((path) => /^[0-9a-f]{12}$/.test(basename(path))),
  };
}
