import type { CountedTokens } from "../prices.ts";
import { isObject } from "../request/hosted-tools.ts";
import type { ModelApi } from "../request/plan-request.ts";
import { readAnswer, readError, type VendorError } from "./usage.ts";

/** A longer line is not looked at; the stream goes on all the same. */
const LINE_LIMIT_BYTES = 16 * 1_048_576;

const NEWLINE = 0x0a;
const ENDINGS = ["response.completed", "response.incomplete", "response.failed"] as const;
/** Signs that the model has begun to answer. */
const OUTPUT_SIGNS = ['.delta"', '"choices"', "output_item"] as const;

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
  readonly #api: ModelApi;
  readonly #lineLimitBytes: number;
  /** The line that has no end yet. */
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #skipping = false;

  constructor(api: ModelApi, lineLimitBytes: number = LINE_LIMIT_BYTES) {
    this.#api = api;
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
    this.#each(block, '"usage"', (at) => beginsObject(block, at + 7));
    // As a key with an object, or as the value of `type`.
    this.#each(block, '"error"', (at) => beginsObject(block, at + 7) || block[previous(block, at)] === 0x3a);
    if (this.#api === "responses") for (const ending of ENDINGS) this.#each(block, ending, () => true);
    else if (block.includes("[DONE]")) this.complete = true;
    if (!this.sawOutput) this.sawOutput = OUTPUT_SIGNS.some((sign) => block.includes(sign));
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
    const { type } = event;
    if (type === "error") {
      this.error ??= readError(event["error"]) ?? readError(event);
      return;
    }
    if (typeof type === "string" && type.startsWith("response.")) {
      if (!(ENDINGS as readonly string[]).includes(type)) return;
      this.#note(event["response"]);
      if (type === "response.failed") this.error ??= { code: "", type: "", message: "The response failed." };
      else this.complete = true;
      return;
    }
    if (this.#api === "chat") this.#note(event);
  }

  #note(answer: unknown): void {
    const { tokens, tier, error } = readAnswer(answer);
    this.tokens = tokens ?? this.tokens;
    this.tier = tier ?? this.tier;
    this.error ??= error;
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
