import type { JobEvent } from "@slipway/protocol/events";
import { logBytes } from "../follow/event-lines.ts";

/** Keeps the last lines of what is to be shown, and no more of it than that in memory. */
export class LineTail {
  readonly #limit: number;
  readonly #kept: Array<{ readonly event: JobEvent; readonly lines: number }> = [];
  #lines = 0;
  #start = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(event: JobEvent): void {
    const lines = linesOf(event);
    this.#kept.push({ event, lines });
    this.#lines += lines;
    for (let first = this.#kept[this.#start]; first && this.#lines - first.lines >= this.#limit; first = this.#kept[this.#start]) {
      this.#lines -= first.lines;
      this.#start += 1;
    }
    // What has gone is given back now and then: an array that is shifted for each line would be slow.
    if (this.#start > 1_000 && this.#start * 2 > this.#kept.length) {
      this.#kept.splice(0, this.#start);
      this.#start = 0;
    }
  }

  /** The events, the first cut to the lines that are wanted of it where it is a piece of the log. */
  events(): JobEvent[] {
    const events = this.#kept.slice(this.#start).map(({ event }) => event);
    const [first] = events;
    const excess = this.#lines - this.#limit;
    if (first?.kind === "log" && excess > 0) events[0] = { ...first, data: { ...first.data, ...withoutLines(logBytes(first.data), excess) } };
    return events;
  }
}

/** A piece of the log counts as many as end in it, and at least one: what is cut off at its end goes on in the next piece. */
function linesOf(event: JobEvent): number {
  if (event.kind !== "log") return 1;
  const bytes = logBytes(event.data);
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1;
  return Math.max(count, 1);
}

function withoutLines(bytes: Buffer, count: number): { encoding: "base64"; text: string } {
  let from = 0;
  for (let gone = 0; gone < count; gone += 1) from = bytes.indexOf(10, from) + 1;
  return { encoding: "base64", text: bytes.subarray(from).toString("base64") };
}
