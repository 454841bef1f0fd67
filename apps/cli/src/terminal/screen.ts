import { createColors } from "picocolors";
import { withIsoTimes } from "./iso.ts";
import { wrap } from "./text.ts";

export type Colors = ReturnType<typeof createColors>;

export interface ScreenOptions {
  /** One JSON document on standard output, nothing else there. */
  readonly json?: boolean;
  /** No progress, only the result. */
  readonly quiet?: boolean;
}

const CLEAR = "\r\x1b[J";

/**
 * Where a command writes. With `json`, progress goes to standard error and standard output holds the document alone. Colours only on a
 * terminal and without NO_COLOR (no-color.org); FORCE_COLOR is not looked at, so that a pipe always gets plain text.
 */
export class Screen {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly interactive: boolean;
  readonly colors: Colors;
  readonly #stream: NodeJS.WriteStream;
  #held: string[] | undefined;
  #status: (() => readonly string[]) | undefined;

  constructor(options: ScreenOptions = {}) {
    this.json = options.json ?? false;
    this.quiet = options.quiet ?? false;
    this.#stream = this.json ? process.stderr : process.stdout;
    this.interactive = this.#stream.isTTY === true && process.stdin.isTTY === true && process.env["TERM"] !== "dumb";
    this.colors = createColors(this.#stream.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb");
  }

  /** Whether a line may be drawn over in place: on a terminal, and not where only the result is wanted. */
  get isLive(): boolean {
    return this.interactive && !this.json && !this.quiet;
  }

  /** Columns that a line may take: the terminal's, at most 120; 80 where there is none. */
  get width(): number {
    return Math.min(this.#stream.isTTY ? this.#stream.columns || 80 : 80, 120);
  }

  /** Progress: left out with `quiet`, and on standard error with `json`. */
  progress(line = ""): void {
    if (!this.quiet) this.#write(`${line}\n`);
  }

  /** The result for people; left out with `json`. */
  print(line = ""): void {
    if (!this.json) this.#write(`${line}\n`);
  }

  /** The result for tools, its times as ISO 8601; left out without `json`. */
  document(value: unknown): void {
    if (this.json) process.stdout.write(`${JSON.stringify(withIsoTimes(value), null, 2)}\n`);
  }

  /** One line of a stream of such documents; left out without `json`. */
  record(value: unknown): void {
    if (this.json) process.stdout.write(`${JSON.stringify(withIsoTimes(value))}\n`);
  }

  /** Always on standard error. */
  warn(text: string): void {
    const lines = wrap(`warning: ${text}`, this.width);
    this.#above(() => process.stderr.write(`${lines.map((line) => this.colors.yellow(line)).join("\n")}\n`));
  }

  /** An address that a terminal may make a link of (OSC 8), where it is known to; the text is the address itself, so that nothing is lost where it does not. */
  async link(address: string): Promise<string> {
    if (!this.interactive || this.json) return address;
    const { createSupportsHyperlinks } = await import("supports-hyperlinks");
    return createSupportsHyperlinks(this.#stream) ? `\x1b]8;;${address}\x1b\\${address}\x1b]8;;\x1b\\` : address;
  }

  /** Writes without a line end, such as to draw over what stands there. */
  raw(text: string): void {
    if (!this.quiet) this.#write(text);
  }

  /** Lines that stay at the bottom, below whatever is written, until they are taken away with undefined. Only for a terminal. */
  showStatus(status: (() => readonly string[]) | undefined): void {
    this.#above(() => {
      this.#status = status;
    });
  }

  /** Draws the lines at the bottom anew, as they are now. */
  drawStatus(): void {
    this.#above(() => undefined);
  }

  /** Keeps everything back while a question stands on the screen. */
  hold(): void {
    if (this.#status && !this.#held) this.#stream.write(CLEAR);
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#above(() => {
      for (const text of held) this.#stream.write(text);
    });
  }

  #write(text: string): void {
    if (this.#held) this.#held.push(text);
    else this.#above(() => this.#stream.write(text));
  }

  #above(write: () => void): void {
    // While a question stands there, the line at the bottom is away.
    const isAway = this.#held !== undefined;
    if (this.#status && !isAway) this.#stream.write(CLEAR);
    write();
    if (!this.#status || isAway) return;
    // The cursor goes back to the first line's start: from there all of it can be cleared, also where a narrower window has broken a line in two.
    const lines = this.#status();
    this.#stream.write(`${lines.join("\n")}\r${lines.length > 1 ? `\x1b[${lines.length - 1}A` : ""}`);
  }
}

/** A reader that went away (`slipway jobs | head`) is no error: the command ends quietly. */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
}
