import { setTimeout as sleep } from "node:timers/promises";

/** Waits; rejects with the signal's reason when it aborts first. For back-off, never for what has an event to wait on. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
