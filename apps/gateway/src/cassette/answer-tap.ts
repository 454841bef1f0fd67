import type { CassetteCall } from "@slipway/protocol/cassette";
import { CASSETTE_CALL_LIMIT_BYTES } from "@slipway/protocol/cassette";
import type { SecretMask } from "./secret-mask.ts";

type Answer = NonNullable<CassetteCall["answer"]>;

/** What tells of limits and waits of that time: a replay has neither. */
const NOT_KEPT = /^(retry-after|x-ratelimit-|anthropic-ratelimit-)/;

/** An event of a stream with what ends it: a blank line, with either way to end lines. */
const EVENT = /[\s\S]*?(?:\r?\n\r?\n|\r\r|$)/g;

/** Looks on at an answer as the agent gets it. */
export class AnswerTap {
  #status: number | undefined;
  #headers: Record<string, string> = {};
  #chunks: Buffer[] = [];
  #bytes = 0;

  head(status: number, headers: Readonly<Record<string, string | string[]>>): void {
    this.#status = status;
    this.#headers = Object.fromEntries(
      Object.entries(headers)
        .filter(([name]) => !NOT_KEPT.test(name))
        .map(([name, value]) => [name, String(value)]),
    );
  }

  data(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= CASSETTE_CALL_LIMIT_BYTES) this.#chunks.push(chunk);
    else this.#chunks = [];
  }

  /** The answer with its secrets masked; null where there was none, undefined where it is too long to be kept. */
  answer(mask: SecretMask, complete: boolean): Answer | null | undefined {
    if (this.#status === undefined) return null;
    if (this.#bytes > CASSETTE_CALL_LIMIT_BYTES) return undefined;
    // Masked as a whole, so that no border hides a secret; a stream is cut into its events after that.
    const body = mask(Buffer.concat(this.#chunks).toString("utf8"));
    const isStream = /^text\/event-stream\b/i.test(this.#headers["content-type"] ?? "");
    const headers = Object.fromEntries(Object.entries(this.#headers).map(([name, value]) => [name, mask(value)]));
    return { status: this.#status, headers, frames: isStream ? framesOf(body) : body === "" ? [] : [body], complete };
  }
}

/** The events of a stream, byte for byte; what stands behind the last one is a frame too. */
export function framesOf(body: string): string[] {
  return (body.match(EVENT) ?? []).filter((frame) => frame !== "");
}
