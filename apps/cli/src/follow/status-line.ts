import type { JobEvent } from "@slipway/protocol/events";
import type { Budget } from "@slipway/protocol/job";
import type { Screen } from "../terminal/screen.ts";
import { columnsOf, cut, elapsed } from "../terminal/text.ts";
import { dollars, tokens } from "../terminal/usage-text.ts";
import { type GateStanding, JobProgress } from "./job-progress.ts";

const DRAW_MS = 1_000;

/** What is known of the job beside its events. */
export interface StatusFacts {
  readonly budget: Budget;
  /** Gates of the repository's configuration; undefined until somebody knows. */
  readonly gateCount: number | undefined;
}

/** Each fact by itself, what may be left out on a narrow terminal last. `totalMs`: since the job was submitted. */
export function statusParts(progress: JobProgress, { budget, gateCount }: StatusFacts, totalMs: number, now: number): string[] {
  const { what, since, usage, gates } = progress;
  const spent = usage.inputTokens + usage.outputTokens;
  const ofTokens = budget.tokens === undefined ? "" : ` of ${tokens(budget.tokens)}`;
  const cost = budget.usd === undefined ? dollars(usage.costUsd) : `${dollars(usage.costUsd)} of ${dollars(budget.usd)}`;
  return [
    since === undefined ? what : `${what} (${elapsed(Math.max(now - since, 0))})`,
    elapsed(totalMs),
    ...(gates.size > 0 ? [`gates ${progress.gatesEnded}${gateCount ? `/${gateCount}` : ""}`] : []),
    ...(usage.costUsd > 0 ? [cost] : []),
    ...(spent > 0 ? [`${tokens(spent)}${ofTokens} tokens`] : []),
  ];
}

const MARKS: Readonly<Record<GateStanding, string>> = { running: "…", passed: "✓", failed: "✗", skipped: "–" };

/** How each gate of the present round stands, such as `gates, round 2: ✓ lint  ✗ test`; undefined before the first. */
export function gatesText({ gates, round }: JobProgress): string | undefined {
  if (gates.size === 0) return undefined;
  const marks = [...gates].map(([name, standing]) => `${MARKS[standing]} ${name}`);
  return `gates${round > 0 ? `, round ${round + 1}` : ""}: ${marks.join("  ")}`;
}

/** As many of the parts as fit, in their order; the first is cut where not even it does. */
export function statusText(parts: readonly string[], width: number): string {
  for (let count = parts.length; count > 1; count -= 1) {
    const text = parts.slice(0, count).join(" · ");
    if (columnsOf(text) <= width) return text;
  }
  return cut(parts[0] ?? "", width);
}

/** The line or two at the bottom of a terminal that say what the job does now; drawn over in place, and gone when disposed. */
export class StatusLine implements Disposable {
  readonly #screen: Screen;
  readonly #timer: NodeJS.Timeout;
  readonly #progress = new JobProgress();
  readonly #budget: Budget;
  #gateCount: number | undefined;
  readonly #redraw = (): void => this.#screen.drawStatus();
  readonly #clear = (): void => this.#screen.showStatus(undefined);

  /** `label` names the job; it goes first. */
  constructor(screen: Screen, label: string, budget: Budget) {
    this.#screen = screen;
    this.#budget = budget;
    const startedMs = performance.now();
    screen.showStatus(() => {
      const now = performance.now();
      const parts = statusParts(this.#progress, { budget: this.#budget, gateCount: this.#gateCount }, now - startedMs, now);
      const gates = gatesText(this.#progress);
      // A sign in the last column would make some terminals begin a new line.
      const width = screen.width - 1;
      const lines = [...(gates === undefined ? [] : [cut(gates, width)]), statusText([label, ...parts], width)];
      return lines.map((line) => screen.colors.dim(line));
    });
    this.#timer = setInterval(this.#redraw, DRAW_MS);
    process.stdout.on("resize", this.#redraw);
    // A second Ctrl-C ends the process at once; the shell's prompt is not to stand in this line.
    process.on("exit", this.#clear);
  }

  see(event: JobEvent): void {
    this.#progress.see(event, performance.now());
    this.#redraw();
  }

  /** Tells how many gates there are. */
  expectGates(count: number): void {
    this.#gateCount = count;
    this.#redraw();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.stdout.off("resize", this.#redraw);
    process.off("exit", this.#clear);
    this.#clear();
  }
}
