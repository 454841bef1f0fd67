import type { CountedTokens } from "../prices.ts";
import { isObject } from "../request/hosted-tools.ts";
import type { StreamForm } from "./stream-form.ts";
import type { VendorError } from "./usage.ts";

/** A longer line is not looked at; the stream goes on all the same. */
const LINE_LIMIT_BYTES = 16 * 1_048_576;

const NEWLINE = 0x0a;

/**
 * Looks at a stream of server-sent events on its way: usage, errors, whether it ended whole. Only lines that may tell one of these are parsed; all else is
 * searched as bytes and not copied.
 */
export class StreamScanner {
  tokens: CountedTokens | null = null;
  tier: string | undefined;
  error: VendorError | null = null;
  /** The event that ends an answer has come. */
  complete = false;
  /** The model had begun to answer. */
  sawOutput = false;
  readonly #form: StreamForm;
  readonly #lineLimitBytes: number;
  /** The line that has no end yet. */
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #skipping = false;

  constructor(form: StreamForm, lineLimitBytes: number = LINE_LIMIT_BYTES) {
    this.#form = form;
    this.#lineLimitBytes = lineLimitBytes;
  }

  push(chunk: Buffer): void {
    const lastEnd = chunk.lastIndexOf(NEWLINE);
    if (lastEnd < 0) {
      this.#keep(chunk);
      return;
    }
    let block = chunk.subarray(0, lastEnd + 1);
    if (this.#skipping) {
      block = block.subarray(block.indexOf(NEWLINE) + 1);
      this.#skipping = false;
    } else if (this.#tailBytes > 0) {
      block = Buffer.concat([...this.#tail, block], this.#tailBytes + block.length);
    }
    this.#tail = [];
    this.#tailBytes = 0;
    this.#scan(block);
    if (lastEnd + 1 < chunk.length) this.#keep(chunk.subarray(lastEnd + 1));
  }

  /** The stream is over; its last line may have no end. */
  end(): void {
    if (this.#tailBytes > 0) this.#scan(Buffer.concat(this.#tail));
    this.#tail = [];
    this.#tailBytes = 0;
  }

  #keep(part: Buffer): void {
    if (this.#skipping) return;
    this.#tail.push(part);
    this.#tailBytes += part.length;
    if (this.#tailBytes <= this.#lineLimitBytes) return;
    this.#tail = [];
    this.#tailBytes = 0;
    this.#skipping = true;
  }

  /** `block` is one or more whole lines. */
  #scan(block: Buffer): void {
    const { usageKey, endings, endMark, outputSigns } = this.#form;
    this.#each(block, usageKey, (at) => beginsObject(block, at + usageKey.length));
    // As a key with an object, or as the value of `type`.
    this.#each(block, '"error"', (at) => beginsObject(block, at + 7) || block[previous(block, at)] === 0x3a);
    for (const ending of endings) this.#each(block, ending, () => true);
    if (endMark !== undefined && block.includes(endMark)) this.complete = true;
    if (!this.sawOutput) this.sawOutput = outputSigns.some((sign) => block.includes(sign));
  }

  #each(block: Buffer, needle: string, matters: (at: number) => boolean): void {
    for (let at = block.indexOf(needle); at >= 0; at = block.indexOf(needle, at + needle.length)) {
      if (!matters(at)) continue;
      const start = block.lastIndexOf(NEWLINE, at) + 1;
      const end = block.indexOf(NEWLINE, at);
      this.#read(block.subarray(start, end < 0 ? block.length : end));
      if (end < 0) return;
      at = end;
    }
  }

  #read(line: Buffer): void {
    if (line.toString("latin1", 0, 5) !== "data:") return;
    let event: unknown;
    try {
      event = JSON.parse(line.toString("utf8", 5));
    } catch {
      // Not what the protocol says; the agent gets it as it is, and it tells nothing here.
      return;
    }
    if (isObject(event)) this.#take(event);
  }

  #take(event: Readonly<Record<string, unknown>>): void {
    const facts = this.#form.read(event);
    if (!facts) return;
    this.tokens = facts.tokens ?? this.tokens;
    this.tier = facts.tier ?? this.tier;
    this.error ??= facts.error ?? null;
    if (facts.complete) this.complete = true;
  }
}

function beginsObject(block: Buffer, from: number): boolean {
  const colon = next(block, from);
  return block[colon] === 0x3a && block[next(block, colon + 1)] === 0x7b;
}

function next(block: Buffer, from: number): number {
  let at = from;
  while (block[at] === 0x20) at += 1;
  return at;
}

function previous(block: Buffer, before: number): number {
  let at = before - 1;
  while (block[at] === 0x20) at -= 1;
  return at;
}
