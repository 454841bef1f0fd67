import type { JobEvent } from "@slipway/protocol/events";
import { logBytes } from "../follow/event-lines.ts";

interface Kept {
  readonly event: JobEvent;
  /** Lines that end in it: none, where a piece of the log is in the middle of one. */
  readonly lines: number;
}

const NEWLINE = 10;

/** Keeps the last lines of what is to be shown, and little more than that in memory. A line of the log may come in several pieces. */
export class LineTail {
  readonly #limit: number;
  readonly #kept: Kept[] = [];
  #lines = 0;
  #start = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(event: JobEvent): void {
    const lines = linesOf(event);
    this.#kept.push({ event, lines });
    this.#lines += lines;
    // One more than is wanted: the first that is wanted may have begun before it.
    for (let first = this.#kept[this.#start]; first && this.#lines - first.lines > this.#limit; first = this.#kept[this.#start]) {
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
    const kept = this.#kept.slice(this.#start);
    const last = kept.at(-1);
    let excess = this.#lines + (last && endsOpen(last.event) ? 1 : 0) - this.#limit;
    while (excess > 0) {
      const first = kept[0];
      if (!first) break;
      if (first.lines < excess || (first.lines === excess && !endsOpen(first.event))) {
        kept.shift();
        excess -= first.lines;
        continue;
      }
      kept[0] = { ...first, event: withoutLines(first.event, excess) };
      excess = 0;
    }
    return kept.map(({ event }) => event);
  }
}

function linesOf(event: JobEvent): number {
  if (event.kind !== "log") return 1;
  const bytes = logBytes(event.data);
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** Whether a line goes on behind it. */
function endsOpen(event: JobEvent): boolean {
  return event.kind === "log" && logBytes(event.data).at(-1) !== NEWLINE;
}

function withoutLines(event: JobEvent, count: number): JobEvent {
  if (event.kind !== "log") return event;
  const bytes = logBytes(event.data);
  let from = 0;
  for (let gone = 0; gone < count; gone += 1) from = bytes.indexOf(NEWLINE, from) + 1;
  return { ...event, data: { ...event.data, encoding: "base64", text: bytes.subarray(from).toString("base64") } };
}
