import { readFileSync } from "node:fs";
import { close as closeInspector, url as inspectorUrl } from "node:inspector";
import type { Logger } from "pino";

/** How often a blocked SIGUSR1 is looked for, in ms. */
const LOOK_MS = 250;
/** SIGUSR1 is 10 on Linux; its bit in the masks of `/proc/self/status` (proc_pid_status(5)). */
const SIGUSR1_BIT = 1n << 9n;

/**
 * Calls `onDrain` once when the process gets a SIGUSR1. Node blocks that signal from its start until it begins to listen for it to open the inspector;
 * with `--disable-sigusr1` it stays blocked for ever and no listener is ever called (Node 24, tried). A blocked signal stays pending, and that can be
 * seen: so one that came before this line counts too.
 */
export function onDrainSignal(onDrain: () => void, log: Logger): void {
  let drained = false;
  const drain = (): void => {
    if (!drained) onDrain();
    drained = true;
  };
  process.on("SIGUSR1", drain);
  if (process.execArgv.includes("--disable-sigusr1")) {
    lookForPending(drain, log);
    return;
  }
  log.warn("started without --disable-sigusr1: a SIGUSR1 sent before this line opens Node's inspector for a moment");
  if (inspectorUrl() === undefined || process.execArgv.some((argument) => argument.startsWith("--inspect"))) return;
  log.warn("an early SIGUSR1 had opened the inspector: it is closed again, and the worker drains");
  closeInspector();
  drain();
}

function lookForPending(drain: () => void, log: Logger): void {
  if (process.platform !== "linux") {
    log.warn("SIGUSR1 cannot be heard on this system when Node runs with --disable-sigusr1; drain with `slipway drain`");
    return;
  }
  const timer = setInterval(() => {
    const pending = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
    if (pending === undefined || (BigInt(`0x${pending}`) & SIGUSR1_BIT) === 0n) return;
    clearInterval(timer);
    drain();
  }, LOOK_MS).unref();
}
