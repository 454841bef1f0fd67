import { watch } from "node:fs";
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import { confine } from "./confine.ts";
import type { StepContext, StepSummary } from "./step-context.ts";
import type { StepInput } from "./step-schemas.ts";

export async function sleep(input: StepInput<"sleep">, context: StepContext): Promise<StepSummary> {
  await delay(input, undefined, { signal: context.turn.signal });
  return undefined;
}

/** Never ends by itself. */
export async function hang(input: StepInput<"hang">, context: StepContext): Promise<StepSummary> {
  const { heartbeatMs, ignoreAbort } = input === true ? { heartbeatMs: undefined, ignoreAbort: false } : input;
  const { signal } = context.turn;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (!ignoreAbort) signal.addEventListener("abort", abort, { once: true });
  // An endless timer even without a heartbeat: a pending promise alone does not keep a process alive.
  const timer = setInterval(() => {
    if (heartbeatMs !== undefined) context.say({ kind: "message", data: { role: "reasoning", text: "still at it" } });
  }, heartbeatMs ?? 60_000);
  try {
    if (!ignoreAbort) signal.throwIfAborted();
    return await promise;
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** Waits until a file exists; told by the file system, not by looking again and again. */
export async function waitFor(input: StepInput<"waitFor">, context: StepContext): Promise<StepSummary> {
  const { turn } = context;
  const path = await confine(turn, input);
  await mkdir(dirname(path), { recursive: true });
  const limit = input.timeoutMs === undefined ? undefined : AbortSignal.timeout(input.timeoutMs);
  const signal = limit ? AbortSignal.any([turn.signal, limit]) : turn.signal;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => void access(path).then(resolve, () => undefined); // not there yet: the watch calls again
  const abort = (): void => reject(signal.reason);
  const watcher = watch(dirname(path), look).on("error", reject);
  signal.addEventListener("abort", abort, { once: true });
  try {
    look(); // after the watch has begun, or a file made in between would be missed
    if (signal.aborted) abort();
    await promise;
    return `${input.path} is there`;
  } catch (error) {
    turn.signal.throwIfAborted();
    if (limit?.aborted) throw new SlipwayError("BACKEND_FAILED", `${input.path} did not appear within ${input.timeoutMs} ms.`, { path: input.path });
    throw error;
  } finally {
    watcher.close();
    signal.removeEventListener("abort", abort);
  }
}

/** Makes an empty file, whole at once, for someone who waits for it. */
export async function signalFile(input: StepInput<"signalFile">, context: StepContext): Promise<StepSummary> {
  const path = await confine(context.turn, input);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, "");
  await rename(`${path}.new`, path);
  return `${input.path} made`;
}
