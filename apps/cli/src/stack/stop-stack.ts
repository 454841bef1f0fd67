import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { takeFolderLock } from "@slipway/process/folder-lock";
import { familyOf, type ProcessEntry, processTable } from "@slipway/process/process-table";
import { SlipwayError } from "@slipway/protocol/errors";
import type { PartName } from "./messages.ts";
import { hasStackFile, readStackFile, removeStackFile, type StackFile } from "./stack-file.ts";

/** What each part of the stack holds while it runs, below the data folder. */
const LOCKS: Readonly<Record<PartName, string>> = {
  server: "server/lock",
  worker: "worker/folder.lock",
  integrator: "integrator/folder.lock",
  gateway: "gateway/folder.lock",
};
const LOOK_MS = 100;
/** In order, each part may take eight seconds, and three come after each other. */
const STOP_LIMIT_MS = 30_000;
/** A part whose supervisor was killed sees that at once, and stops. */
const ORPHAN_LIMIT_MS = 20_000;

/** A part that runs: who holds its folder. */
export interface RunningPart {
  readonly part: PartName;
  /** Null where it has not said yet. */
  readonly pid: number | null;
}

export interface StoppedStack {
  /** The supervisor's pid. */
  readonly pid: number;
  readonly parts: readonly RunningPart[];
  /** It did not end in its time, and was killed with all that it had started. */
  readonly wasKilled: boolean;
}

/** The parts that run on a data folder now, whoever started them. */
export function runningParts(data: string): RunningPart[] {
  return (Object.keys(LOCKS) as PartName[]).flatMap((part) => holderOf(data, part) ?? []);
}

/** Stops what `slipway up` started on a data folder, in order, and waits for it; undefined where nothing of it runs. */
export async function stopStack(data: string): Promise<StoppedStack | undefined> {
  const supervisor = readStackFile(data);
  if (!supervisor) return undefined;
  const parts = runningParts(data);
  // What it has started, each by its own start time: after its end nobody would know.
  const family = familyOf(processTable().list(undefined), { pids: [supervisor.pid] });
  signal(supervisor, "SIGTERM");
  const wasKilled = !(await gone([supervisor], STOP_LIMIT_MS));
  if (wasKilled) {
    for (const process of [supervisor, ...family]) signal(process, "SIGKILL");
    await gone([supervisor, ...family], STOP_LIMIT_MS);
  }
  return { pid: supervisor.pid, parts, wasKilled };
}

/**
 * Waits until nobody holds a part's folder: parts whose supervisor is gone stop by themselves. DATA_FOLDER_IN_USE names those that go on: somebody else
 * started them, and would start them again.
 */
export async function untilNobodyRuns(data: string): Promise<void> {
  // Parts that never had a supervisor are not waited for: they do not stop by themselves.
  const endAt = performance.now() + (hasStackFile(data) ? ORPHAN_LIMIT_MS : 0);
  let parts = runningParts(data);
  for (; parts.length > 0 && performance.now() < endAt; parts = runningParts(data)) await sleep(LOOK_MS);
  const [first] = parts;
  if (!first) return removeStackFile(data);
  const named = parts.map(({ part, pid }) => `the ${part}${pid === null ? "" : ` (process ${pid})`}`).join(", ");
  throw new SlipwayError("DATA_FOLDER_IN_USE", `On the data folder ${data} runs what \`slipway up\` did not start: ${named}.`, {
    dataFolder: data,
    pid: first.pid,
    parts: parts.map(({ part }) => part),
    hint: "Stop it where it was started, such as with `systemctl stop` or `docker compose down`, then type `slipway down` again.",
  });
}

/** Undefined where nobody holds it; the lock is the kernel's, and free as soon as its holder is dead. */
function holderOf(data: string, part: PartName): RunningPart | undefined {
  const path = join(data, LOCKS[part]);
  if (!existsSync(path)) return undefined;
  try {
    takeFolderLock({ path, part, data })[Symbol.dispose]();
    return undefined;
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "DATA_FOLDER_IN_USE") throw error;
    const { pid } = error.details;
    return { part, pid: typeof pid === "number" ? pid : null };
  }
}

function signal(mark: Pick<ProcessEntry, "pid" | "startTime"> | StackFile, name: NodeJS.Signals): void {
  if (!processTable().isAlive(mark)) return;
  try {
    process.kill(mark.pid, name);
  } catch (error) {
    // It ended between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** False where one of them is still alive after this time. */
async function gone(marks: ReadonlyArray<Pick<ProcessEntry, "pid" | "startTime">>, limitMs: number): Promise<boolean> {
  const endAt = performance.now() + limitMs;
  while (marks.some((mark) => processTable().isAlive(mark) && processTable().mark(mark.pid) !== undefined)) {
    if (performance.now() > endAt) return false;
    await sleep(LOOK_MS);
  }
  return true;
}
