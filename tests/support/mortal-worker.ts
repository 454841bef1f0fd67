import type { EventSink, Journal } from "../../apps/worker/src/attempt/context.ts";

/** Thrown by journal and events of a test in place of a `kill -9` of the worker. */
class Killed extends Error {}

/** A moment to die at: by a write of journal or events, as `Life.writes` names it, or by the last output of a command. */
export interface KillAt {
  readonly write: string;
  /** Whether the write is on disk when the worker dies. */
  readonly isWritten: boolean;
}

/** One life of a worker: knows what it wrote, and may end at one of these writes. From then on nothing of it reaches the disk. */
export class Life {
  readonly writes: string[] = [];
  isOver = false;
  readonly #killAt: KillAt | undefined;

  constructor(killAt?: KillAt) {
    this.#killAt = killAt;
  }

  /** Does a write, or dies by it. */
  async write<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.mustGoOn();
    this.writes.push(name);
    const dies = name === this.#killAt?.write;
    if (dies && !this.#killAt?.isWritten) this.#die(name);
    const result = await work();
    if (dies) this.#die(name);
    return result;
  }

  mustGoOn(): void {
    if (this.isOver) throw new Killed();
  }

  #die(name: string): never {
    this.isOver = true;
    throw new Killed(`at ${name}`);
  }
}

/** The journal of a worker that may die by any of its lines. */
export function mortalJournal(journal: Journal, life: Life): Journal {
  return {
    has: (key) => journal.has(key),
    async step(key, work) {
      life.mustGoOn();
      if (journal.has(key)) return await journal.step(key, work);
      const result = await work();
      return await life.write(`journal ${key}`, () => journal.step(key, async () => result));
    },
  };
}

/** The events of a worker that may die by any of their lines. */
export function mortalEvents(events: EventSink, life: Life): EventSink {
  return {
    emit: (event) => life.write(`event ${event.kind}`, () => events.emit(event)),
    emitOnce: async (key, event) => (events.has(key) ? life.mustGoOn() : await life.write(`event ${key}`, () => events.emitOnce(key, event))),
    has: (key) => events.has(key),
    emitFromRunner: (ordinal, at, event) => life.write(`event runner ${ordinal}`, () => events.emitFromRunner(ordinal, at, event)),
    get lastRunnerOrdinal() {
      return events.lastRunnerOrdinal;
    },
    log: (stream, bytes) => (life.isOver ? undefined : events.log(stream, bytes)),
    settleLog: (stream) => life.write(`log ${stream}`, () => events.settleLog(stream)),
    flush: (signal) => events.flush(signal),
  };
}
