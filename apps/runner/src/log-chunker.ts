import { isUtf8 } from "node:buffer";

/** Of a log event, as packages/protocol/src/events.ts has them (LOG_CHUNK_LIMIT_BYTES, LOG_CHUNK_INTERVAL_MS). */
const LIMIT_BYTES = 16_384;
const INTERVAL_MS = 20;

export interface LogChunk {
  readonly stream: string;
  readonly offset: number;
  readonly text: string;
  readonly encoding: "utf8" | "base64";
}

/**
 * Cuts one stream into chunks of at most 16 KiB, or what came within 20 ms, never inside a UTF-8 character; what is not UTF-8 goes as base64. `offset` counts
 * the bytes of the stream that came before.
 */
export class LogChunker {
  readonly #stream: string;
  readonly #emit: (chunk: LogChunk) => void;
  readonly #bytes = Buffer.allocUnsafe(LIMIT_BYTES);
  #length = 0;
  #offset: number;
  #timer: NodeJS.Timeout | undefined;

  /** `offset`: bytes of the stream that went out before, in an earlier turn. */
  constructor(stream: string, emit: (chunk: LogChunk) => void, offset = 0) {
    this.#stream = stream;
    this.#emit = emit;
    this.#offset = offset;
  }

  /** Bytes that went out so far. */
  get offset(): number {
    return this.#offset;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + LIMIT_BYTES - this.#length);
      this.#bytes.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      if (this.#length === LIMIT_BYTES) this.#cut();
    }
    if (this.#length > 0) this.#timer ??= setTimeout(() => this.#cut(), INTERVAL_MS);
  }

  /** Emits what is left, an unfinished character too. */
  end(): void {
    this.#emitFirst(this.#length);
  }

  #cut(): void {
    const complete = this.#length - unfinishedBytes(this.#bytes.subarray(0, this.#length));
    // Only the start of a character: the rest of it comes, or the stream ends.
    this.#emitFirst(complete);
  }

  #emitFirst(length: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (length === 0) return;
    const bytes = this.#bytes.subarray(0, length);
    const encoding = isUtf8(bytes) ? "utf8" : "base64";
    this.#emit({ stream: this.#stream, offset: this.#offset, text: bytes.toString(encoding), encoding });
    this.#bytes.copyWithin(0, length, this.#length);
    this.#offset += length;
    this.#length -= length;
  }
}

/** Length of a UTF-8 sequence at the end that lacks its last bytes; 0 where there is none. */
function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}
