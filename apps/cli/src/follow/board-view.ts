import type { JobEvent } from "@slipway/protocol/events";
import type { Screen } from "../terminal/screen.ts";
import { cut } from "../terminal/text.ts";
import { eventLines, type Tone } from "./event-lines.ts";
import { paint } from "./progress-view.ts";

interface Row {
  readonly title: string;
  text: string;
  tone: Tone;
  startedAt: number | undefined;
  endedAt: number | undefined;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 120;
const LAST_TONES: Readonly<Record<string, string>> = { good: "✓", bad: "✗", warning: "!" };

/** Several jobs on a terminal, one line each, drawn over in place: title, time, what happens now. */
export class BoardView implements Disposable {
  readonly #screen: Screen;
  readonly #rows: Row[];
  readonly #titleWidth: number;
  readonly #timer: NodeJS.Timeout;
  #frame = 0;
  #drawn = false;

  constructor(screen: Screen, titles: readonly string[]) {
    this.#screen = screen;
    this.#rows = titles.map((title) => ({ title, text: "submitted", tone: "dim", startedAt: undefined, endedAt: undefined }));
    this.#titleWidth = Math.max(...titles.map((title) => title.length));
    this.#timer = setInterval(() => {
      this.#frame += 1;
      this.#draw();
    }, FRAME_MS);
    screen.raw("\x1b[?25l");
    this.#draw();
  }

  show(index: number, event: JobEvent): void {
    const row = this.#rows[index];
    if (!row) return;
    row.startedAt ??= event.at;
    const last = eventLines(event, false).at(-1);
    if (event.kind === "phase" && event.data.status === "started") Object.assign(row, { text: `${event.data.phase} …`, tone: "dim" });
    else if (last) Object.assign(row, { text: last.text, tone: last.tone });
    if (event.kind === "state" && ["done", "failed", "cancelled", "blocked"].includes(event.data.to)) row.endedAt = event.at;
    this.#draw();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#draw();
    this.#screen.raw("\x1b[?25h");
  }

  #draw(): void {
    const up = this.#drawn ? `\x1b[${this.#rows.length}A` : "";
    this.#drawn = true;
    this.#screen.raw(`${up}${this.#rows.map((row) => `\r\x1b[2K${this.#line(row)}\n`).join("")}`);
  }

  #line(row: Row): string {
    const { colors } = this.#screen;
    const spinner = FRAMES[this.#frame % FRAMES.length] ?? "";
    const mark = row.endedAt === undefined ? colors.cyan(spinner) : paint(this.#screen, row.tone, LAST_TONES[row.tone] ?? "·");
    const ms = row.startedAt === undefined ? 0 : (row.endedAt ?? Date.now()) - row.startedAt;
    const time = `${(Math.max(ms, 0) / 1_000).toFixed(1)} s`.padStart(7);
    const room = this.#screen.width - this.#titleWidth - 14;
    return `  ${mark} ${colors.bold(row.title.padEnd(this.#titleWidth))} ${colors.dim(time)}  ${paint(this.#screen, row.tone, cut(row.text, room))}`;
  }
}
