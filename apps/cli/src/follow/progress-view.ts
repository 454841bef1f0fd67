import type { JobEvent } from "@slipway/protocol/events";
import type { Budget } from "@slipway/protocol/job";
import type { Screen } from "../terminal/screen.ts";
import { plural, wrap } from "../terminal/text.ts";
import { addUsage, NO_USAGE, spentText } from "../terminal/usage-text.ts";
import { type EventLine, eventLines, type Tone } from "./event-lines.ts";

const MARKS: Readonly<Record<Tone, string>> = { plain: "·", dim: "·", good: "✓", bad: "✗", warning: "!", speech: "│" };

const LEAST_WIDTH = 12;

export interface ProgressOptions {
  readonly verbose?: boolean;
  /** Tells jobs apart that run side by side. */
  readonly label?: string;
  /** The job's, for the share of it that was spent. */
  readonly budget?: Budget;
}

/** Shows the events of a job as lines: time since the first one, a mark, the text; and what the job took of models so far, at the end of each turn. */
export class ProgressView {
  readonly #screen: Screen;
  readonly #verbose: boolean;
  readonly #label: string;
  readonly #budget: Budget;
  #startedAt: number | undefined;
  #usage = NO_USAGE;
  #calls = 0;
  /** Calls of which nothing was told yet. */
  #untold = 0;

  constructor(screen: Screen, options: ProgressOptions = {}) {
    this.#screen = screen;
    this.#verbose = options.verbose ?? false;
    this.#label = options.label ? `${options.label} ` : "";
    this.#budget = options.budget ?? {};
  }

  show(event: JobEvent): void {
    this.#startedAt ??= event.at;
    this.#count(event);
    for (const line of eventLines(event, this.#verbose)) this.#print(line, event.at);
  }

  #count(event: JobEvent): void {
    if (event.kind === "model-call") {
      this.#usage = addUsage(this.#usage, event.data.usage);
      this.#calls += 1;
      this.#untold += 1;
    }
    // Of an attempt that fails in the middle of a turn, the turn's end may be missing.
    const isEnd = (event.kind === "turn" && event.data.status !== "started") || (event.kind === "state" && event.data.from === "running");
    if (!isEnd || this.#untold === 0) return;
    this.#print({ tone: "dim", text: `${plural(this.#calls, "model call")}: ${spentText(this.#usage, this.#budget)}` }, event.at);
    this.#untold = 0;
  }

  /** A line that is no event, at the time of this moment. */
  note(line: EventLine): void {
    this.#print(line, Date.now());
  }

  #print(line: EventLine, at: number): void {
    const seconds = `${(Math.max(0, at - (this.#startedAt ?? at)) / 1_000).toFixed(1)} s`.padStart(8);
    // Asked for each time: the window may have another size now.
    const width = Math.max(this.#screen.width - 11 - this.#label.length, LEAST_WIDTH);
    wrap(line.text, width).forEach((text, index) => {
      const head = index === 0 ? `${this.#screen.colors.dim(seconds)} ${this.#paint(line, MARKS[line.tone])} ` : " ".repeat(11);
      this.#screen.progress(`${this.#screen.colors.dim(this.#label)}${head}${this.#paint(line, text)}`);
    });
  }

  #paint(line: EventLine, text: string): string {
    return paint(this.#screen, line.tone, text);
  }
}

/** Text in the colour of its tone. */
export function paint(screen: Screen, tone: Tone, text: string): string {
  const { colors } = screen;
  return { plain: String, dim: colors.dim, good: colors.green, bad: colors.red, warning: colors.yellow, speech: colors.cyan }[tone](text);
}
