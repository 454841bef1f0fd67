import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { Phase } from "@slipway/protocol/events";
import type { AttemptContext } from "../attempt/context.ts";
import { monotonicMs } from "./deadline.ts";

type Scene = Pick<AttemptContext, "events" | "journal" | "log" | "masks" | "signal">;

/** Takes the time of steps inside a phase; under the same name it adds up. */
export class Parts {
  readonly #ms = new Map<string, number>();

  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedAtMs = monotonicMs();
    try {
      return await work();
    } finally {
      this.add(name, monotonicMs() - startedAtMs);
    }
  }

  add(name: string, ms: number): void {
    this.#ms.set(name, (this.#ms.get(name) ?? 0) + Math.max(0, ms));
  }

  /** For the event; nothing where nothing was timed. */
  toData(): { partsMs?: Record<string, number> } {
    return this.#ms.size === 0 ? {} : { partsMs: Object.fromEntries(this.#ms) };
  }
}

interface PhaseOptions<T> {
  readonly detailOf?: (result: T) => string | undefined;
  /** When it began, on the monotonic clock, where that was before the call. */
  readonly sinceMs?: number;
}

/**
 * Runs one phase of the attempt between its events. `key` is unique in the attempt; a restarted worker that comes by again says nothing twice, the
 * duration counts from the first start, and a phase that has told of its failure stays failed. Phases follow one another without a gap.
 */
export async function inPhase<T>(
  context: Scene,
  phase: Phase,
  key: string,
  work: (parts: Parts) => Promise<T>,
  { detailOf, sinceMs = monotonicMs() }: PhaseOptions<T> = {},
): Promise<T> {
  context.signal.throwIfAborted();
  const startedAtMs = await context.journal.step(`${key}:started`, async () => sinceMs);
  await context.events.emitOnce(`${key}:started`, { kind: "phase", data: { phase, status: "started" } });
  const durationMs = (): number => Math.max(0, monotonicMs() - startedAtMs);
  const parts = new Parts();
  let result: T;
  try {
    await throwRecorded(context, key);
    result = await work(parts);
  } catch (error) {
    await tellFailure(context, phase, key, durationMs(), error);
    throw error;
  }
  const detail = detailOf?.(result)?.slice(0, 4_096);
  const data = { phase, status: "ended" as const, durationMs: durationMs(), ...(detail ? { detail } : {}), ...parts.toData() };
  await context.events.emitOnce(`${key}:ended`, { kind: "phase", data });
  return result;
}

interface RecordedFailure {
  readonly code: SlipwayError["code"];
  readonly message: string;
  readonly details: Record<string, unknown>;
}

/** Throws the failure that an earlier life of this worker has written down: subscribers know of it, so the phase cannot go on as if nothing had been. */
async function throwRecorded({ journal }: Scene, key: string): Promise<void> {
  if (!journal.has(`${key}:failed`)) return;
  const { code, message, details } = await journal.step<RecordedFailure>(`${key}:failed`, () => Promise.reject(new SlipwayError("INTERNAL")));
  throw new SlipwayError(code, message, details);
}

/** Written down before it is told. */
async function tellFailure(context: Scene, phase: Phase, key: string, durationMs: number, error: unknown): Promise<void> {
  const failure = toSlipwayError(context.signal.aborted ? context.signal.reason : error);
  const { code } = failure;
  const { message, details } = context.masks.failure({ message: failure.message, details: failure.details });
  try {
    await context.journal.step<RecordedFailure>(`${key}:failed`, async () => ({ code, message, details: { ...details } }));
    const detail = `${code}: ${message}`.slice(0, 4_096);
    await context.events.emitOnce(`${key}:failed`, { kind: "phase", data: { phase, status: "failed", durationMs, detail } });
  } catch (tellError) {
    // What broke the phase matters more than that it could not be told: the caller throws it.
    context.log.warn({ err: tellError, phase }, "phase failure could not be spooled");
  }
}

/**
 * To be called before the start of `what` is told under `<key>:started`. Where it has been told by an earlier life of this worker and the step did not
 * come to its end, says that it begins anew: its output follows a second time in the log.
 */
export async function tellRerun({ events, journal }: Scene, key: string, step: string, what: string): Promise<void> {
  if (!events.has(`${key}:started`) || journal.has(step) || journal.has(`${key}:failed`)) return;
  const text = `The worker was restarted while ${what} was at work: it runs again from its beginning, and its log begins anew here.`;
  await events.emit({ kind: "notice", data: { level: "info", text } });
}
