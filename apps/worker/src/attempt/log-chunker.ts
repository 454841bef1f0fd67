import { isUtf8 } from "node:buffer";
import { type AppendableEvent, LOG_CHUNK_INTERVAL_MS, LOG_CHUNK_LIMIT_BYTES } from "@slipway/protocol/events";

/** Cuts one log stream into events: at most 16 KiB each, sent 20 ms after their first byte at the latest, never inside a UTF-8 character. */
export class LogChunker {
  readonly #stream: string;
  readonly #emit: (event: AppendableEvent) => void;
  #offset: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `offset`: bytes of the stream that are chunked already. */
  constructor(stream: string, offset: number, emit: (event: AppendableEvent) => void) {
    this.#stream = stream;
    this.#offset = offset;
    this.#emit = emit;
  }

  /** Takes bytes; they are copied, the caller may reuse its buffer. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(Buffer.from(bytes));
    this.#bytes += bytes.length;
    if (this.#bytes >= LOG_CHUNK_LIMIT_BYTES) this.#cut("full");
    if (this.#bytes > 0) this.#timer ??= setTimeout(() => this.#cut("characters"), LOG_CHUNK_INTERVAL_MS).unref();
  }

  /** Emits what is left, an unfinished character too. */
  flush(): void {
    this.#cut("all");
  }

  /** `full`: full chunks only; `characters`: all but an unfinished character at the end; `all`: everything. */
  #cut(what: "full" | "characters" | "all"): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let rest: Buffer = Buffer.concat(this.#pieces);
    while (rest.length > 0 && (what !== "full" || rest.length >= LOG_CHUNK_LIMIT_BYTES)) {
      const end = boundary(rest, Math.min(rest.length, LOG_CHUNK_LIMIT_BYTES));
      if (end === 0 && what !== "all") break;
      const chunk = rest.subarray(0, end === 0 ? rest.length : end);
      this.#emit(logEvent(this.#stream, this.#offset, chunk));
      this.#offset += chunk.length;
      rest = rest.subarray(chunk.length);
    }
    this.#pieces = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
  }
}

function logEvent(stream: string, offset: number, chunk: Buffer): AppendableEvent {
  const utf8 = isUtf8(chunk);
  return { kind: "log", data: { stream, offset, text: chunk.toString(utf8 ? "utf8" : "base64"), encoding: utf8 ? "utf8" : "base64" } };
}

/** The largest length ≤ `end` that does not cut a UTF-8 character that begins in the last three bytes; `end` where there is none. */
function boundary(bytes: Buffer, end: number): number {
  for (let back = 1; back <= Math.min(3, end); back += 1) {
    const byte = bytes[end - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? end - back : end;
  }
  return end;
}
