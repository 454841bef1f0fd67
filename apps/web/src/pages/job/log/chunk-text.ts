import type { JobEvent } from "@slipway/protocol/events";

/** What a log event carries. */
export type LogData = Extract<JobEvent, { kind: "log" }>["data"];

/**
 * The text of a stream's chunks, one after the other. A chunk that is not UTF-8 by itself comes as base64, and the character that its end cuts off goes on in
 * the next one; what is no UTF-8 at all shows as �.
 */
export class ChunkText {
  #decoder: TextDecoder | null = null;

  /** A copy stands where this one stands, as chunks begin with whole characters wherever one is made. */
  get isBetweenCharacters(): boolean {
    return this.#decoder === null;
  }

  textOf({ text, encoding }: Pick<LogData, "text" | "encoding">): string {
    if (encoding === "utf8" && this.#decoder === null) return text;
    this.#decoder ??= new TextDecoder();
    const decoder = this.#decoder;
    if (encoding === "utf8") {
      this.#decoder = null;
      // What the chunk before had left open is not gone on with, as this one begins with a whole character.
      return decoder.decode() + text;
    }
    return decoder.decode(bytesOf(text), { stream: true });
  }

  /** The stream is over: what of a character is still open. */
  finish(): string {
    const left = this.#decoder?.decode() ?? "";
    this.#decoder = null;
    return left;
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    // No base64 at all: its letters are what there is to show.
    return new TextEncoder().encode(base64);
  }
}
