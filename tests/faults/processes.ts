import { readFile } from "node:fs/promises";
import { processesOf } from "../support/leftovers.ts";

/** What runs in a sandbox, by its command line as the host sees it. */
const COMMAND_LINES = {
  /** The first process of the namespace. */
  init: /^\/bin\/sh -c .*slipway-init .*main\.ts serve/,
  runner: /^\S*node .*apps\/runner\/src\/main\.ts serve/,
  /** A shell command of a script. */
  agent: /^(sh -c )?sleep 7$/,
  /** The gate of a scene that takes long. */
  gate: /^sh -c if \[ -e slow/,
} as const;

export type SandboxProcess = keyof typeof COMMAND_LINES | "bubblewrap";

/** Ids of all processes of a kind that belong to a data folder: those of running jobs, and of sandboxes that wait for one. */
export async function pidsOf(data: string, kind: SandboxProcess): Promise<number[]> {
  // Outside of the namespace, with an empty environment: only its child tells whose it is.
  if (kind === "bubblewrap") return (await Promise.all((await pidsOf(data, "init")).map(parentOf))).filter((pid) => pid !== undefined);
  return (await processesOf(data, COMMAND_LINES[kind])).map(([pid]) => pid);
}

/** `kill -9`; one that has ended meanwhile is no failure. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function parentOf(pid: number): Promise<number | undefined> {
  // Gone meanwhile, and its parent with it.
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const found = /^PPid:\s+(\d+)$/m.exec(status)?.[1];
  return found === undefined ? undefined : Number(found);
}
