import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import type { RunnerToWorker } from "@slipway/protocol/runner-protocol";

const LIMIT_MS = 60_000;
const REASON_LIMIT = 500;

type Failures = Extract<RunnerToWorker, { type: "warmed" }>["failures"];

/** Warms the backends up that want it, one after the other, until the signal aborts: a turn has come. Answers which could not be, which stops no turn. */
export async function warmUp(backends: readonly BackendDefinition[], signal: AbortSignal): Promise<Failures> {
  const { PATH = "/usr/local/bin:/usr/bin:/bin", HOME: home = "/nonexistent", LANG = "C.UTF-8" } = process.env;
  const failures: Failures = [];
  for (const { name, warmUp } of backends) {
    if (!warmUp || signal.aborted) continue;
    try {
      await warmUp({ home, env: { PATH, HOME: home, LANG }, signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]) });
    } catch (error) {
      if (signal.aborted) continue;
      const reason = error instanceof Error ? error.message : String(error);
      process.stderr.write(`the backend ${name} could not warm up: ${reason}\n`);
      failures.push({ backend: name, reason: reason.slice(0, REASON_LIMIT).toWellFormed() });
    }
  }
  return failures;
}
