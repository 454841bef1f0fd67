import { setTimeout as delay } from "node:timers/promises";
import { type ProcessMark, processTable } from "@slipway/process/process-table";
import { SlipwayError } from "@slipway/protocol/errors";

/** How often the end of a process is looked for every millisecond; later ones look for zombies too, which costs more where a program has to tell. */
const CLOSE_LOOKS = 20;

/** The mark of a live process; undefined where there is none, or only its zombie. */
export function markProcess(pid: number): ProcessMark | undefined {
  return processTable().mark(pid);
}

/** Whether exactly this process is still alive. */
export function isAlive(mark: ProcessMark): boolean {
  return processTable().isAlive(mark);
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
  // A stranger is told nothing when a process ends, so this looks: closely at first, as most namespaces are gone after some 10 ms, then ever more rarely.
  const isThere = (mark: ProcessMark, round: number): boolean => isAlive(mark) && (round < CLOSE_LOOKS || markProcess(mark.pid) !== undefined);
  for (let [pauseMs, round] = [1, 0]; marks.some((mark) => isThere(mark, round)); round += 1, pauseMs = round < CLOSE_LOOKS ? 1 : Math.min(pauseMs * 2, 50)) {
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
