import { closeSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";

export const SPOOL_LIMIT_BYTES = 256 * 1_048_576;
const SEGMENT_BYTES = 4 * 1_048_576;
const BLOCK_BYTES = 65_536;

/** One file of the spool. */
interface Segment {
  readonly firstOrdinal: number;
  readonly path: string;
  bytes: number;
}

/** Where a reader stands: a segment and a byte in it, always at the start of a line. */
export interface SpoolCursor {
  segment: number;
  position: number;
}

/**
 * The runner's events on disk: lines in append-only files of 4 MiB, in the order of their ordinals, without gaps in them. A file is deleted when all of it was
 * acknowledged, so the spool's size is that of what was not, give or take a file. Writes are synchronous: what was emitted is in the file when emit returns,
 * and no queue in memory grows.
 */
export class EventSpool {
  readonly #folder: string;
  readonly #segments: Segment[] = [];
  #file: number | undefined;
  #lastOrdinal = 0;

  constructor(folder: string) {
    this.#folder = join(folder, "events");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#load();
    // No turn's first event waits for its file.
    if (this.#segments.length === 0) this.#segments.push(this.#open(this.#lastOrdinal + 1));
  }

  get lastOrdinal(): number {
    return this.#lastOrdinal;
  }

  /** What is on disk, in bytes. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Appends the line that `line` makes of the next ordinal. Throws what the file system says, a full disk for one. */
  append(line: (ordinal: number) => string): void {
    const ordinal = this.#lastOrdinal + 1;
    const bytes = Buffer.from(`${line(ordinal)}\n`);
    let last = this.#segments.at(-1);
    if (!last || this.#file === undefined || last.bytes >= SEGMENT_BYTES) {
      last = this.#open(ordinal);
      this.#segments.push(last);
    }
    try {
      writeAll(this.#file as number, bytes);
    } catch (error) {
      // A torn line would spoil the next one.
      truncateSync(last.path, last.bytes);
      throw error;
    }
    last.bytes += bytes.length;
    this.#lastOrdinal = ordinal;
  }

  /** Forgets events up to `ordinal`, as far as whole files are done with. */
  acknowledge(ordinal: number): void {
    for (let next = this.#segments[1]; next && next.firstOrdinal <= ordinal + 1; next = this.#segments[1]) {
      const [done] = this.#segments.splice(0, 1);
      if (done) rmSync(done.path, { force: true });
    }
  }

  /** Where the events after `afterOrdinal` begin. */
  seek(afterOrdinal: number): SpoolCursor {
    const found = this.#segments.findLast((segment) => segment.firstOrdinal <= afterOrdinal + 1) ?? this.#segments[0];
    const cursor: SpoolCursor = { segment: found?.firstOrdinal ?? this.#lastOrdinal + 1, position: 0 };
    for (let ordinal = cursor.segment; found && ordinal <= afterOrdinal && cursor.position < found.bytes; ordinal += 1) {
      cursor.position += this.#lineLength(found, cursor.position);
    }
    return cursor;
  }

  /** The next whole lines after the cursor, some 64 KiB of them, and moves it; undefined at the end. */
  read(cursor: SpoolCursor): Buffer | undefined {
    for (;;) {
      const index = this.#segments.findIndex((segment) => segment.firstOrdinal >= cursor.segment);
      const segment = this.#segments[index];
      if (!segment) return undefined;
      if (segment.firstOrdinal > cursor.segment) Object.assign(cursor, { segment: segment.firstOrdinal, position: 0 });
      if (cursor.position < segment.bytes) {
        const lines = readLines(segment.path, cursor.position, segment.bytes);
        cursor.position += lines.length;
        return lines;
      }
      const next = this.#segments[index + 1];
      if (!next) return undefined;
      Object.assign(cursor, { segment: next.firstOrdinal, position: 0 });
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(firstOrdinal: number): Segment {
    this.close();
    const path = join(this.#folder, `${String(firstOrdinal).padStart(12, "0")}.jsonl`);
    this.#file = openSync(path, "a", 0o600);
    return { firstOrdinal, path, bytes: 0 };
  }

  /** Takes up what an earlier runner left; its last line may be torn. */
  #load(): void {
    for (const name of readdirSync(this.#folder)
      .filter((entry) => /^\d{12}\.jsonl$/.test(entry))
      .sort()) {
      const path = join(this.#folder, name);
      const segment: Segment = { firstOrdinal: Number.parseInt(name, 10), path, bytes: statSync(path).size };
      this.#lastOrdinal = segment.firstOrdinal - 1;
      let position = 0;
      for (let length = this.#lineLength(segment, position); length > 0; length = this.#lineLength(segment, position)) {
        position += length;
        this.#lastOrdinal += 1;
      }
      truncateSync(path, position);
      segment.bytes = position;
      if (position > 0) this.#segments.push(segment);
    }
  }

  /** Bytes of the line at `position` with its line feed; 0 where none ends there. */
  #lineLength(segment: Segment, position: number): number {
    if (position >= segment.bytes) return 0;
    return readLines(segment.path, position, segment.bytes).indexOf(10) + 1;
  }
}

/** A block of whole lines from `position`; as large as it must be for one. Empty where no line ends before `end`. */
function readLines(path: string, position: number, end: number): Buffer {
  const file = openSync(path, "r");
  try {
    for (let size = BLOCK_BYTES; ; size *= 4) {
      const block = Buffer.allocUnsafe(Math.min(size, end - position));
      const length = readSync(file, block, 0, block.length, position);
      const lines = block.subarray(0, block.lastIndexOf(10, length - 1) + 1);
      if (lines.length > 0 || length < size) return lines;
    }
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
