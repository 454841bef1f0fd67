import type { JobEvent, Usage } from "@slipway/protocol/events";
import type { Screen } from "../terminal/screen.ts";
import { columnsOf, cut, elapsed } from "../terminal/text.ts";
import { addUsage, dollars, NO_USAGE, tokens } from "../terminal/usage-text.ts";

const DRAW_MS = 1_000;

/** The gates of one round: how many ended, and how many there are as far as that is known. */
interface GateProgress {
  readonly round: number;
  readonly ended: number;
}

/** What a job is doing now, as far as its events have told. */
export class JobProgress {
  #phase = "queued";
  #gates: GateProgress | undefined;
  #usage: Usage = NO_USAGE;
  /** Gates of the repository's configuration; undefined until somebody knows. */
  gateCount: number | undefined;

  see(event: JobEvent): void {
    if (event.kind === "state") this.#phase = event.data.to;
    if (event.kind === "phase" && event.data.status === "started") this.#phase = event.data.phase;
    if (event.kind === "turn" && event.data.status === "started") this.#phase = `turn ${event.data.turn}`;
    if (event.kind === "model-call") this.#usage = addUsage(this.#usage, event.data.usage);
    if (event.kind === "gate") this.#gates = withGate(this.#gates, event.data.round, event.data.status !== "started");
    // Another attempt begins anew.
    if (event.kind === "state" && event.data.to === "queued") this.#gates = undefined;
  }

  /** Each fact by itself, what may be left out on a narrow terminal last. */
  parts(ms: number): string[] {
    const spent = this.#usage.inputTokens + this.#usage.outputTokens;
    return [
      this.#phase,
      elapsed(ms),
      ...(this.#gates ? [`gates ${this.#gates.ended}${this.gateCount ? `/${this.gateCount}` : ""}`] : []),
      ...(this.#usage.costUsd > 0 ? [dollars(this.#usage.costUsd)] : []),
      ...(spent > 0 ? [`${tokens(spent)} tokens`] : []),
    ];
  }
}

function withGate(before: GateProgress | undefined, round: number, isOver: boolean): GateProgress {
  const ended = before?.round === round ? before.ended : 0;
  return { round, ended: ended + (isOver ? 1 : 0) };
}

/** As many of the parts as fit, in their order; the first is cut where not even it does. */
export function statusText(parts: readonly string[], width: number): string {
  for (let count = parts.length; count > 1; count -= 1) {
    const text = parts.slice(0, count).join(" · ");
    if (columnsOf(text) <= width) return text;
  }
  return cut(parts[0] ?? "", width);
}

/** The one line at the bottom of a terminal that says what the job does now; drawn over in place, and gone when disposed. */
export class StatusLine implements Disposable {
  readonly #screen: Screen;
  readonly #timer: NodeJS.Timeout;
  readonly #progress = new JobProgress();
  readonly #redraw = (): void => this.#screen.drawStatus();
  readonly #clear = (): void => this.#screen.showStatus(undefined);

  /** `label` names the job; it goes first. */
  constructor(screen: Screen, label: string) {
    this.#screen = screen;
    const startedMs = performance.now();
    screen.showStatus(() => {
      // A sign in the last column would make some terminals begin a new line.
      const text = statusText([label, ...this.#progress.parts(performance.now() - startedMs)], screen.width - 1);
      return screen.colors.dim(text);
    });
    this.#timer = setInterval(this.#redraw, DRAW_MS);
    process.stdout.on("resize", this.#redraw);
    // A second Ctrl-C ends the process at once; the shell's prompt is not to stand in this line.
    process.on("exit", this.#clear);
  }

  see(event: JobEvent): void {
    this.#progress.see(event);
    this.#redraw();
  }

  /** Tells how many gates there are. */
  expectGates(count: number): void {
    this.#progress.gateCount = count;
    this.#redraw();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.stdout.off("resize", this.#redraw);
    process.off("exit", this.#clear);
    this.#clear();
  }
}
