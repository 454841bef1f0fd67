import { toSlipwayError } from "@slipway/protocol/errors";
import type { AppendableEvent, Phase } from "@slipway/protocol/events";
import type { AttemptContext } from "../attempt/context.ts";
import { monotonicMs } from "./deadline.ts";

type Scene = Pick<AttemptContext, "events" | "journal" | "log" | "signal">;

/**
 * Runs one phase of the attempt between its events. `key` is unique in the attempt; a restarted worker that comes by again says nothing twice,
 * and the duration counts from the first start.
 */
export async function inPhase<T>(context: Scene, phase: Phase, key: string, work: () => Promise<T>, detailOf?: (result: T) => string | undefined): Promise<T> {
  context.signal.throwIfAborted();
  const begin = async (): Promise<number> => {
    await context.events.emit({ kind: "phase", data: { phase, status: "started" } });
    return monotonicMs();
  };
  const startedAtMs = await context.journal.step(`${key}:started`, begin, "written");
  const durationMs = (): number => Math.max(0, monotonicMs() - startedAtMs);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await emitFailure(context, phase, durationMs(), error);
    throw error;
  }
  const detail = detailOf?.(result)?.slice(0, 4_096);
  await once(context, `${key}:ended`, { kind: "phase", data: { phase, status: "ended", durationMs: durationMs(), ...(detail ? { detail } : {}) } });
  return result;
}

/** Emits an event that a restarted worker does not emit again. Not flushed: neither is the event, and some twenty flushes are 20 ms of a job. */
export async function once(context: Pick<Scene, "events" | "journal">, key: string, event: AppendableEvent): Promise<void> {
  const emit = async (): Promise<null> => {
    await context.events.emit(event);
    return null;
  };
  await context.journal.step(key, emit, "written");
}

async function emitFailure(context: Scene, phase: Phase, durationMs: number, error: unknown): Promise<void> {
  const cause = toSlipwayError(context.signal.aborted ? context.signal.reason : error);
  try {
    await context.events.emit({ kind: "phase", data: { phase, status: "failed", durationMs, detail: `${cause.code}: ${cause.message}`.slice(0, 4_096) } });
  } catch (emitError) {
    // What broke the phase matters more than that it could not be told: the caller throws it.
    context.log.warn({ err: emitError, phase }, "phase failure could not be spooled");
  }
}
