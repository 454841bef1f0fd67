import type { Pattern } from "./secret-patterns.ts";

export const MASK = "***";
const MASK_BYTES = Buffer.from(MASK);
const NONE = -1;

/** One choice of one step of a pattern. */
interface Choice {
  readonly bytes: Uint8Array;
  /** Choices of the next step; empty at the end of a pattern. */
  readonly next: readonly Choice[];
  /** First of `bytes.length` numbers that stand for the places in it. */
  readonly firstPlace: number;
}

/** The patterns made ready to be looked for; shared by all streams. */
export interface Matcher {
  /** By first byte: the choices that a pattern can begin with. */
  readonly starts: ReadonlyArray<readonly Choice[] | undefined>;
  readonly places: number;
}

export function createMatcher(patterns: readonly Pattern[]): Matcher {
  let places = 0;
  const starts: Choice[][] = [];
  for (const pattern of patterns) {
    let next: Choice[] = [];
    for (const step of pattern.toReversed()) {
      const following = next;
      next = step.map((bytes) => {
        const choice: Choice = { bytes, next: following, firstPlace: places };
        places += bytes.length;
        return choice;
      });
    }
    for (const choice of next) {
      const byte = choice.bytes[0] ?? 0;
      starts[byte] = [...(starts[byte] ?? []), choice];
    }
  }
  return { starts: Array.from({ length: 256 }, (_, byte) => starts[byte]), places };
}

/** A match that is not complete: where it began, and how far it has come. */
interface Thread {
  readonly start: number;
  readonly choice: Choice;
  /** Bytes of the choice that were seen. */
  readonly seen: number;
}

/**
 * Masks secrets in a byte stream, across the borders of its pieces. It holds back only what may still turn out to be a secret. Work and memory are bounded
 * by the length of the stream times the length of the secrets: of the threads at one place in a pattern only the one that began first is kept.
 */
export class Redactor {
  readonly #matcher: Matcher;
  /** Bytes from stream offset `#base` on that are not given out yet. */
  #held: Uint8Array = new Uint8Array(0);
  #base = 0;
  #threads: Thread[] = [];
  /** Offsets [from, to) to mask, ascending, not overlapping. */
  #masked: Array<{ from: number; to: number }> = [];
  /** The last byte given out was part of a mask: what follows it directly joins it. */
  #maskedUpTo = NONE;
  /** Which step of the stream last put a thread at a place. */
  readonly #takenAt: Float64Array;

  constructor(matcher: Matcher) {
    this.#matcher = matcher;
    this.#takenAt = new Float64Array(matcher.places).fill(NONE);
  }

  /** Feeds bytes and gives those out that are decided. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#matcher.places === 0) return bytes;
    const offset = this.#base + this.#held.length;
    const { starts } = this.#matcher;
    for (let index = 0; index < bytes.length; index += 1) {
      const byte = bytes[index] as number;
      const begin = starts[byte];
      if (this.#threads.length > 0 || begin) this.#step(byte, offset + index, begin ?? []);
    }
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    return this.#release(this.#threads[0]?.start ?? offset + bytes.length);
  }

  /** Ends the stream: what was held back is no secret. */
  end(): Uint8Array {
    this.#threads = [];
    return this.#release(this.#base + this.#held.length);
  }

  #step(byte: number, offset: number, begin: readonly Choice[]): void {
    const threads = this.#threads;
    this.#threads = [];
    // Threads are ordered by where they began, so the first one at a place is the one to keep.
    for (const { start, choice, seen } of threads) if (choice.bytes[seen] === byte) this.#advance(start, choice, seen + 1, offset);
    for (const choice of begin) this.#advance(offset, choice, 1, offset);
  }

  #advance(start: number, choice: Choice, seen: number, offset: number): void {
    if (seen < choice.bytes.length) this.#keep(start, choice, seen, offset);
    else if (choice.next.length === 0) this.#mask(start, offset + 1);
    else for (const next of choice.next) this.#keep(start, next, 0, offset);
  }

  #keep(start: number, choice: Choice, seen: number, offset: number): void {
    const place = choice.firstPlace + seen;
    if (this.#takenAt[place] === offset) return;
    this.#takenAt[place] = offset;
    this.#threads.push({ start, choice, seen });
  }

  #mask(from: number, to: number): void {
    let start = from;
    while (this.#masked.length > 0) {
      const last = this.#masked.at(-1) as { from: number; to: number };
      if (last.to < start) break;
      start = Math.min(start, last.from);
      this.#masked.pop();
    }
    this.#masked.push({ from: start, to });
  }

  /** Gives out what lies before `end`, masked. */
  #release(end: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let at = this.#base;
    for (let mask = this.#masked[0]; mask && mask.from < end; mask = this.#masked[0]) {
      const from = Math.max(at, mask.from);
      parts.push(this.#held.subarray(at - this.#base, from - this.#base));
      if (this.#maskedUpTo !== from) parts.push(MASK_BYTES);
      at = Math.min(mask.to, end);
      this.#maskedUpTo = at;
      if (mask.to > end) break;
      this.#masked.shift();
    }
    parts.push(this.#held.subarray(at - this.#base, end - this.#base));
    // A copy: the bytes belong to the caller.
    this.#held = Uint8Array.from(this.#held.subarray(end - this.#base));
    this.#base = end;
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }
}

/** `text` with its secrets masked. */
export function redactText(matcher: Matcher, text: string): string {
  if (matcher.places === 0 || text === "") return text;
  const redactor = new Redactor(matcher);
  return Buffer.concat([redactor.push(Buffer.from(text)), redactor.end()]).toString("utf8");
}

/** A plain JSON value with the secrets in all of its texts, keys and numbers masked; other values are turned into what JSON makes of them. */
export function redactJson(matcher: Matcher, value: unknown): unknown {
  if (matcher.places === 0) return value;
  return JSON.parse(JSON.stringify(value) ?? "null", (_, item: unknown) => {
    if (typeof item === "string") return redactText(matcher, item);
    if (typeof item === "number") return redactNumber(matcher, item);
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).map(([key, part]) => [redactText(matcher, key), part]));
  });
}

function redactNumber(matcher: Matcher, value: number): number | string {
  const text = String(value);
  const redacted = redactText(matcher, text);
  return redacted === text ? value : redacted;
}
