import { constants, type FileHandle, open } from "node:fs/promises";

/** One read of the file while it is scanned, in bytes: bounds the memory of opening a large spool. */
const SCAN_BYTES = 262_144;

/**
 * A file of JSON lines that is only ever appended to, and that a crash can tear at any byte. A line counts when its newline is on disk: what
 * follows the last newline is cut off at the next open, so every line was written whole or not at all.
 */
export class JsonlFile implements AsyncDisposable {
  readonly path: string;
  readonly #handle: FileHandle;
  #size: number;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
  }

  /** Opens or makes the file (0600) and hands each whole line to `onLine`, in order, with the offset after it. */
  static async open(path: string, onLine: (line: string, endOffset: number) => void): Promise<JsonlFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      let size = 0;
      for await (const { line, endOffset } of linesOf(handle, 0)) {
        onLine(line, endOffset);
        size = endOffset;
      }
      await handle.truncate(size);
      return new JsonlFile(path, handle, size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes of whole lines. */
  get size(): number {
    return this.#size;
  }

  /** Appends whole lines, each ending in a newline. After a failed write (a full disk) the file is as before. Calls must not overlap. */
  async append(bytes: Buffer): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#size + done);
        done += bytesWritten;
      }
    } catch (error) {
      await this.#handle.truncate(this.#size);
      throw error;
    }
    this.#size += bytes.length;
  }

  /** The whole lines from `offset` (the end of a line, or 0) up to what is appended now. */
  async *read(offset: number): AsyncGenerator<{ line: string; endOffset: number }> {
    yield* linesOf(this.#handle, offset, this.#size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

async function* linesOf(handle: FileHandle, offset: number, limit = Number.POSITIVE_INFINITY): AsyncGenerator<{ line: string; endOffset: number }> {
  let rest: Buffer = Buffer.alloc(0);
  let position = offset;
  for (;;) {
    const wanted = Math.min(SCAN_BYTES, limit - position);
    if (wanted <= 0) return;
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, position);
    if (bytesRead === 0) return;
    const chunk = rest.length > 0 ? Buffer.concat([rest, buffer.subarray(0, bytesRead)]) : buffer.subarray(0, bytesRead);
    const base = position - rest.length;
    position += bytesRead;
    let start = 0;
    for (let end = chunk.indexOf(10, start); end >= 0; end = chunk.indexOf(10, start)) {
      yield { line: chunk.toString("utf8", start, end), endOffset: base + end + 1 };
      start = end + 1;
    }
    rest = Buffer.from(chunk.subarray(start));
  }
}
