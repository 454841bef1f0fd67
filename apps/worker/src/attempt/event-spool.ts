import type { AppendableEvent } from "@slipway/protocol/events";
import { JsonlFile } from "./jsonl-file.ts";

/** Where an event came from a runner: which one (a sandbox started anew counts anew), and the ordinal there. */
export interface RunnerOrdinal {
  readonly source: string;
  readonly ordinal: number;
}

/** What else an event's line says, so that a restarted worker does not write it again. */
export interface Origin {
  readonly runner?: RunnerOrdinal | undefined;
  /** Of an event that the attempt tells of once. */
  readonly key?: string;
}

/** An event on disk; `ordinal` counts 1, 2, 3 … in the attempt. */
export interface SpooledEvent extends Origin {
  readonly ordinal: number;
  readonly at: number;
  readonly event: AppendableEvent;
}

/** What the lines on disk say of the events that were written. */
interface Written {
  lastOrdinal: number;
  readonly runners: Map<string, number>;
  readonly streams: Map<string, number>;
  readonly keys: Set<string>;
}

/**
 * The events of one attempt on disk, a line an event; it is kept whole until the attempt's end. A killed worker loses none that was appended: the page
 * cache outlives the process. It is not flushed to the device, on purpose: after a power cut the sandbox is gone too, and nobody resumes the attempt.
 */
export class EventSpool implements AsyncDisposable {
  readonly #file: JsonlFile;
  readonly #streams: Map<string, number>;
  readonly #runners: Map<string, number>;
  readonly #keys: Set<string>;
  readonly #waiting: Array<{ line: Buffer; ordinal: number; key: string | undefined; done: PromiseWithResolvers<void> }> = [];
  readonly #listeners = new Set<() => void>();
  #nextOrdinal: number;
  #writtenOrdinal: number;
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;

  private constructor(file: JsonlFile, written: Written) {
    this.#file = file;
    this.#runners = written.runners;
    this.#streams = written.streams;
    this.#keys = written.keys;
    this.#nextOrdinal = written.lastOrdinal + 1;
    this.#writtenOrdinal = written.lastOrdinal;
  }

  /** Opens or makes it; the ordinals go on where the last whole line ends. */
  static async open(path: string): Promise<EventSpool> {
    const written: Written = { lastOrdinal: 0, runners: new Map(), streams: new Map(), keys: new Set() };
    const file = await JsonlFile.open(path, (line) => {
      const { ordinal, runner, key, event } = JSON.parse(line) as SpooledEvent;
      written.lastOrdinal = ordinal;
      if (key !== undefined) written.keys.add(key);
      if (runner !== undefined) written.runners.set(runner.source, runner.ordinal);
      else if (event.kind === "log") written.streams.set(event.data.stream, event.data.offset + Buffer.byteLength(event.data.text, event.data.encoding));
    });
    return new EventSpool(file, written);
  }

  /** Bytes on disk and on the way there. */
  get size(): number {
    return this.#file.size + this.#waitingBytes;
  }

  /** Bytes that are not on disk yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The last ordinal given out, on disk or on the way there. */
  get lastOrdinal(): number {
    return this.#nextOrdinal - 1;
  }

  /** The last ordinal on disk. */
  get writtenOrdinal(): number {
    return this.#writtenOrdinal;
  }

  /** The ordinal, in its own counting, of the last event of a runner that was appended; 0 where there is none. */
  lastRunnerOrdinal(source: string): number {
    return this.#runners.get(source) ?? 0;
  }

  /** True where an event with this key was appended. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Bytes of a log stream that an earlier worker process has spooled. */
  streamOffset(stream: string): number {
    return this.#streams.get(stream) ?? 0;
  }

  /** Appends an event; resolves when it is on disk. What comes together is written together. */
  async append(at: number, event: AppendableEvent, { runner, key }: Origin = {}): Promise<void> {
    const ordinal = this.#nextOrdinal;
    const line = Buffer.from(`${JSON.stringify({ ordinal, at, runner, key, event })}\n`);
    const done = Promise.withResolvers<void>();
    this.#nextOrdinal += 1;
    if (runner !== undefined) this.#runners.set(runner.source, runner.ordinal);
    if (key !== undefined) this.#keys.add(key);
    this.#waiting.push({ line, ordinal, key, done });
    this.#waitingBytes += line.length;
    this.#writing ??= this.#write();
    await done.promise;
  }

  /** Resolves when all that was appended before is on disk. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** Calls back after every write; the answer ends that. */
  onWritten(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Events on disk after a place that an earlier read ended at (0: the beginning), in order. */
  async *read(offset: number): AsyncGenerator<{ event: SpooledEvent; bytes: number; endOffset: number }> {
    let start = offset;
    for await (const { line, endOffset } of this.#file.read(offset)) {
      yield { event: JSON.parse(line) as SpooledEvent, bytes: endOffset - start, endOffset };
      start = endOffset;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#file[Symbol.asyncDispose]();
  }

  /** Writes until nothing waits. A failed write (a full disk) fails what waits, and takes its ordinals back so that no number is missing. */
  async #write(): Promise<void> {
    // A turn of the event loop collects what is emitted in one burst.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      const bytes = Buffer.concat(batch.map(({ line }) => line));
      try {
        await this.#file.append(bytes);
      } catch (error) {
        const failed = [...batch, ...this.#waiting.splice(0)];
        this.#nextOrdinal = batch[0]?.ordinal ?? this.#nextOrdinal;
        this.#waitingBytes = 0;
        for (const { key, done } of failed) {
          if (key !== undefined) this.#keys.delete(key);
          done.reject(error);
        }
        continue;
      }
      this.#waitingBytes -= bytes.length;
      this.#writtenOrdinal = batch.at(-1)?.ordinal ?? this.#writtenOrdinal;
      for (const { done } of batch) done.resolve();
      for (const listener of this.#listeners) listener();
    }
    this.#writing = undefined;
  }
}
