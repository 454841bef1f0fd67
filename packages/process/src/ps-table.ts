import type { ProcessEntry, ProcessMark, ProcessTable } from "./process-table.ts";

/** Plain words and UTC, so that a start time reads the same each time; and nothing of ours, or `ps` itself would carry our label. */
const ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC0" };
const OUTPUT_LIMIT_BYTES = 256 * 1_048_576;
const TIME_LIMIT_MS = 10_000;
/** A pid comes round again after all others were used, which takes longer than this: meanwhile signal 0 says enough. */
const TRUST_MS = 5_000;
/** Linux computes a process's time of start anew for each call, from two clocks that round differently. */
const START_SLACK_S = 2;
const COLUMNS = ["-ww", ...["pid", "ppid", "pgid", "stat", "lstart", "command"].flatMap((name) => ["-o", `${name}=`])];
/** The columns; a start is `Sat Nov 21 04:51:47 2026`, and after the command comes its environment. */
const LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\s(.*)$/;

/**
 * macOS, and Linux where that is asked for: what ps(1) says, with options that the `ps` of both know, but for one: the environment is `-E` on macOS and
 * `e` in procps. macOS hides the environment of its own programs, such as `/bin/sh`. A start time is in seconds since 1970. One call takes some 10 ms.
 */
export function createPsTable(): ProcessTable {
  const lastSeen = new Map<number, { startTime: string; atMs: number }>();

  function mark(pid: number): ProcessMark | undefined {
    const startTime = run(["-p", String(pid)])[0]?.startTime;
    if (startTime === undefined) {
      lastSeen.delete(pid);
      return undefined;
    }
    lastSeen.set(pid, { startTime, atMs: performance.now() });
    return { pid, startTime };
  }

  function isAlive(known: ProcessMark): boolean {
    if (!takesSignals(known.pid)) {
      lastSeen.delete(known.pid);
      return false;
    }
    const seen = lastSeen.get(known.pid);
    const startTime = seen && performance.now() - seen.atMs < TRUST_MS ? seen.startTime : mark(known.pid)?.startTime;
    return startTime !== undefined && Math.abs(Number(startTime) - Number(known.startTime)) <= START_SLACK_S;
  }

  return { mark, isAlive, list: (label) => run(["-A", process.platform === "linux" ? "e" : "-E"], label), cpu: () => undefined, memory: () => undefined };
}

/** The live ones of the processes that these options select. */
function run(selection: readonly string[], label?: string): ProcessEntry[] {
  const options = { env: ENVIRONMENT, encoding: "latin1", maxBuffer: OUTPUT_LIMIT_BYTES, timeout: TIME_LIMIT_MS } as const;
  // Loaded when it is needed: it would take 10 ms of a runner's start, and on Linux nobody needs it.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const { pid, status, stdout, stderr, error } = spawnSync("ps", [...selection, ...COLUMNS], options);
  // It ends with 1, and without a word, where nothing was selected.
  if (error || (status !== 0 && stderr !== "")) throw new Error(`ps does not list the processes: ${error?.message ?? stderr.trim()}`, { cause: error });
  return stdout
    .split("\n")
    .flatMap((line) => parseLine(line, label) ?? [])
    .filter((entry) => entry.pid !== pid);
}

function parseLine(line: string, label?: string): ProcessEntry | undefined {
  const [, pid, parent, group, state, start, rest] = LINE.exec(line) ?? [];
  if (start === undefined || state?.startsWith("Z")) return undefined;
  const startTime = String(Date.parse(`${start} UTC`) / 1_000);
  // An argument that reads like the label counts too: nobody but us and what runs there knows the id in it.
  return { pid: Number(pid), parent: Number(parent), group: Number(group), startTime, isLabelled: label !== undefined && ` ${rest} `.includes(` ${label} `) };
}

function takesSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Gone, or now another user's and so not the one that was meant.
    return false;
  }
}
