import type { BackendDefinition } from "@slipway/backend-sdk/backend";

const LIMIT_MS = 60_000;

/** Warms the backends up that want it, one after the other, until the signal aborts: a turn has come. What fails is told in the runner's log only. */
export async function warmUp(backends: readonly BackendDefinition[], signal: AbortSignal): Promise<void> {
  const { PATH = "/usr/local/bin:/usr/bin:/bin", HOME: home = "/nonexistent", LANG = "C.UTF-8" } = process.env;
  for (const { name, warmUp } of backends) {
    if (!warmUp || signal.aborted) continue;
    try {
      await warmUp({ home, env: { PATH, HOME: home, LANG }, signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]) });
    } catch (error) {
      if (!signal.aborted) process.stderr.write(`the backend ${name} could not warm up: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}
