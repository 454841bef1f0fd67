import type { JobEvent } from "@slipway/protocol/events";
import type { Screen } from "../terminal/screen.ts";
import { wrap } from "../terminal/text.ts";
import { type EventLine, eventLines, type Tone } from "./event-lines.ts";

const MARKS: Readonly<Record<Tone, string>> = { plain: "·", dim: "·", good: "✓", bad: "✗", warning: "!", speech: "│" };

/** Shows the events of a job as lines: time since the first one, a mark, the text. `label` tells jobs apart that run side by side. */
export class ProgressView {
  readonly #screen: Screen;
  readonly #verbose: boolean;
  readonly #label: string;
  readonly #width: number;
  #startedAt: number | undefined;

  constructor(screen: Screen, options: { verbose?: boolean; label?: string } = {}) {
    this.#screen = screen;
    this.#verbose = options.verbose ?? false;
    this.#label = options.label ? `${options.label} ` : "";
    this.#width = screen.width - 11 - this.#label.length;
  }

  show(event: JobEvent): void {
    this.#startedAt ??= event.at;
    for (const line of eventLines(event, this.#verbose)) this.#print(line, event.at);
  }

  /** A line that is no event, at the time of this moment. */
  note(line: EventLine): void {
    this.#print(line, Date.now());
  }

  #print(line: EventLine, at: number): void {
    const seconds = `${(Math.max(0, at - (this.#startedAt ?? at)) / 1_000).toFixed(1)} s`.padStart(8);
    wrap(line.text, this.#width).forEach((text, index) => {
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
