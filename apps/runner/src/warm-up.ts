import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import { parseBackendConfig } from "@slipway/backend-sdk/config";
import type { AheadRequest, RunnerToWorker } from "@slipway/protocol/runner-protocol";

const LIMIT_MS = 60_000;
const REASON_LIMIT = 500;

type Failures = Extract<RunnerToWorker, { type: "warmed" }>["failures"];

/** Warms the backends up that want it, one after the other, until the signal aborts: a turn has come. Answers which could not be, which stops no turn. */
export async function warmUp(backends: readonly BackendDefinition[], signal: AbortSignal): Promise<Failures> {
  const { PATH = "/usr/local/bin:/usr/bin:/bin", HOME: home = "/nonexistent", LANG = "C.UTF-8" } = process.env;
  const failures: Failures = [];
  for (const { name, warmUp } of backends) {
    if (!warmUp || signal.aborted) continue;
    failures.push(...(await failuresOf(name, signal, () => warmUp({ home, env: { PATH, HOME: home, LANG }, signal: limited(signal) }))));
  }
  return failures;
}

/** Has the backend of the turn that will most likely come start its agent, where it can. `request` may come late; `modelUrl` is where its model will be. Answers as `warmUp`. */
export async function startAhead(
  backends: readonly BackendDefinition[],
  request: Promise<AheadRequest>,
  signal: AbortSignal,
  modelUrl?: string,
): Promise<Failures> {
  const aborted = Promise.withResolvers<undefined>();
  signal.addEventListener("abort", () => aborted.resolve(undefined), { once: true });
  if (signal.aborted) aborted.resolve(undefined);
  const asked = await Promise.race([request, aborted.promise]);
  const backend = backends.find(({ name }) => name === asked?.backend);
  if (!asked || !backend?.startAhead || signal.aborted) return [];
  const { workspace, home, env, permissions } = asked;
  const label = process.env["SLIPWAY_SANDBOX"];
  return await failuresOf(backend.name, signal, async () => {
    await backend.startAhead?.({
      ...{ config: parseBackendConfig(backend, asked.config), workspace, home, modelUrl, signal: limited(signal) },
      env: { ...env, ...(label === undefined ? {} : { SLIPWAY_SANDBOX: label }) },
      ...(permissions ? { permissions } : {}),
    });
  });
}

function limited(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
}

/** What a person is told of it; nothing where a turn came first. */
async function failuresOf(backend: string, signal: AbortSignal, warming: () => Promise<void>): Promise<Failures> {
  try {
    await warming();
    return [];
  } catch (error) {
    if (signal.aborted) return [];
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`the backend ${backend} could not warm up: ${reason}\n`);
    return [{ backend, reason: reason.slice(0, REASON_LIMIT).toWellFormed() }];
  }
}
