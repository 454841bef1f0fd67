import { StringDecoder } from "node:string_decoder";
import type { JobEvent } from "@slipway/protocol/events";
import { logBytes } from "../follow/event-lines.ts";
import { textOf } from "./log-filter.ts";

type LogEvent = Extract<JobEvent, { kind: "log" }>;

/** The events in which an expression is found; of the log, the lines that have it. A line that comes in pieces is one all the same. */
export class LineGrep {
  readonly #expression: RegExp;
  readonly #streams = new Map<string, { readonly decoder: StringDecoder; rest: string; last: LogEvent }>();

  constructor(expression: RegExp) {
    this.#expression = expression;
  }

  /** Undefined where nothing of it is wanted. */
  take(event: JobEvent): JobEvent | undefined {
    if (event.kind !== "log") {
      return textOf(event)
        .split("\n")
        .some((line) => this.#expression.test(line))
        ? event
        : undefined;
    }
    // Two attempts' streams of one name are two.
    const key = `${event.fence} ${event.data.stream}`;
    const known = this.#streams.get(key) ?? { decoder: new StringDecoder("utf8"), rest: "", last: event };
    this.#streams.set(key, known);
    known.last = event;
    const lines = (known.rest + known.decoder.write(logBytes(event.data))).split("\n");
    known.rest = lines.pop() ?? "";
    return this.#matching(event, lines);
  }

  /** What no line's end came behind. */
  end(): JobEvent[] {
    const rests = [...this.#streams.values()].filter(({ rest }) => rest !== "");
    this.#streams.clear();
    return rests.flatMap(({ last, rest }) => this.#matching(last, [rest]) ?? []);
  }

  #matching(event: LogEvent, lines: readonly string[]): JobEvent | undefined {
    const found = lines.filter((line) => this.#expression.test(line));
    if (found.length === 0) return undefined;
    return { ...event, data: { ...event.data, encoding: "utf8", text: found.map((line) => `${line}\n`).join("") } };
  }
}
