import type { JobEvent, Phase } from "@slipway/protocol/events";
import { eventLines, logBytes } from "../follow/event-lines.ts";
import { printable } from "../terminal/text.ts";

/** What of a job's events is wanted; each that is given has to hold. */
export interface LogQuery {
  readonly stream?: string | undefined;
  readonly phase?: Phase | undefined;
  readonly turn?: number | undefined;
  readonly gate?: string | undefined;
  /** Number of the attempt. */
  readonly attempt?: number | undefined;
  /** `error`: what went wrong. `warning`: that, and what may have. */
  readonly level?: "error" | "warning" | undefined;
  /** In ms since 1970. */
  readonly since?: number | undefined;
  /** Number of an event. */
  readonly after: number;
}

/** Chooses among the events of a job, which it has to see in their order: phases and turns are told by events of their own. */
export class LogFilter {
  readonly #query: LogQuery;
  readonly #phases = new Set<Phase>();
  #turn: number | undefined;

  constructor(query: LogQuery) {
    this.#query = query;
  }

  /** Where to begin to read: who asks for a phase or a turn has to know what was begun before. */
  get from(): number {
    return this.#query.phase === undefined && this.#query.turn === undefined ? this.#query.after : 0;
  }

  /** Whether anything but the place to begin was asked for. */
  get isNarrow(): boolean {
    const { after, ...rest } = this.#query;
    return after > 0 || Object.values(rest).some((value) => value !== undefined);
  }

  takes(event: JobEvent): boolean {
    this.#enter(event);
    const taken = this.#isWanted(event);
    this.#leave(event);
    return taken;
  }

  #isWanted(event: JobEvent): boolean {
    const { stream, phase, turn, gate, attempt, level, since, after } = this.#query;
    if (event.seq <= after || (since !== undefined && event.at < since) || (attempt !== undefined && event.fence !== attempt)) return false;
    if (stream !== undefined && !(event.kind === "log" && event.data.stream === stream)) return false;
    if (gate !== undefined && !isOfGate(event, gate)) return false;
    if (phase !== undefined && !this.#phases.has(phase)) return false;
    if (turn !== undefined && this.#turn !== turn) return false;
    return level === undefined || isOfLevel(event, level);
  }

  #enter({ kind, data }: JobEvent): void {
    // What an attempt had begun ended with it, told or not.
    if (kind === "state") {
      this.#phases.clear();
      this.#turn = undefined;
    }
    // An end too is of its phase, also where nobody told the beginning.
    if (kind === "phase") this.#phases.add(data.phase);
    if (kind === "turn") this.#turn = data.turn;
  }

  #leave({ kind, data }: JobEvent): void {
    if (kind === "phase" && data.status !== "started") this.#phases.delete(data.phase);
    if (kind === "turn" && data.status !== "started") this.#turn = undefined;
  }
}

function isOfGate(event: JobEvent, gate: string): boolean {
  if (event.kind === "log") return event.data.stream === `gate:${gate}`;
  return (event.kind === "gate" || event.kind === "gate-verdict") && event.data.name === gate;
}

/** By the words and marks in which it is told: what a person sees in red, or in yellow too. The log itself has no level. */
function isOfLevel(event: JobEvent, level: "error" | "warning"): boolean {
  if (event.kind === "log") return false;
  return eventLines(event, false).some(({ tone }) => tone === "bad" || (level === "warning" && tone === "warning"));
}

/** The text in which lines are looked for. */
export function textOf(event: JobEvent): string {
  if (event.kind === "log") return logBytes(event.data).toString("utf8");
  if (event.kind === "message") return printable(event.data.text);
  return eventLines(event, true)
    .map(({ text }) => text)
    .join("\n");
}
