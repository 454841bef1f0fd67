import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessMark {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks from boot to the process's start. */
  readonly startTime: string;
}

/** The mark of a live process; undefined where there is none, or only its zombie. */
export function markProcess(pid: number): ProcessMark | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    // Gone, which is an answer.
    return undefined;
  }
  // The command name, in brackets, may hold anything; the fields after it are plain.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (startTime === undefined || state === "Z" || state === "X") return undefined;
  return { pid, startTime };
}

/** Whether exactly this process is still alive. */
export function isAlive(mark: ProcessMark): boolean {
  return markProcess(mark.pid)?.startTime === mark.startTime;
}

/** Sends SIGKILL to exactly these processes; one that is gone is skipped. */
export function killMarked(marks: readonly ProcessMark[]): void {
  for (const mark of marks) {
    if (!isAlive(mark)) continue;
    try {
      process.kill(mark.pid, "SIGKILL");
    } catch (error) {
      // It ended between the look and the kill.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Kills these processes and waits until they are gone. INTERNAL where the kernel does not let go of them within `limitMs`. */
export async function endMarked(marks: readonly ProcessMark[], limitMs = 10_000): Promise<void> {
  killMarked(marks);
  await waitGone(marks, limitMs);
}

async function waitGone(marks: readonly ProcessMark[], limitMs: number): Promise<void> {
  const endAt = performance.now() + limitMs;
  // Linux tells a stranger nothing when a process ends, so this looks: closely at first, as most namespaces are gone after some 10 ms, then ever more rarely.
  for (let [pauseMs, round] = [1, 0]; marks.some(isAlive); round += 1, pauseMs = round < 20 ? 1 : Math.min(pauseMs * 2, 50)) {
    if (performance.now() > endAt) {
      throw new SlipwayError("INTERNAL", "Processes of a sandbox do not end.", { pids: marks.filter(isAlive).map((mark) => mark.pid) });
    }
    await delay(pauseMs);
  }
}

/** Calls `onGone` once, soon after one of these processes ended. `look()` looks at once; after `stop()` neither calls it any more. */
export function watchProcesses(marks: readonly ProcessMark[], onGone: () => void): { look(): void; stop(): void } {
  const timer = setInterval(look, 200);
  timer.unref();
  function look(): void {
    if (marks.every(isAlive)) return;
    clearInterval(timer);
    const tell = onGone;
    onGone = () => {};
    tell();
  }
  return {
    look,
    stop: () => {
      clearInterval(timer);
      onGone = () => {};
    },
  };
}
