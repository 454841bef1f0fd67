import type { JobEvent, Usage } from "@slipway/protocol/events";
import { addUsage, NO_USAGE } from "../terminal/usage-text.ts";

/** How a gate of the present round stands. */
export type GateStanding = "running" | "passed" | "failed" | "skipped";

/** What a job is doing now, as far as its events have told. */
export class JobProgress {
  /** The state, or the phase of an attempt. */
  phase = "queued";
  /** When that began, by the clock that `see` was given. */
  since: number | undefined;
  turn = 0;
  /** Of the gates, from 0; each repair begins another one. */
  round = 0;
  usage: Usage = NO_USAGE;
  readonly #gates = new Map<string, GateStanding>();

  /** `at`: when it happened, by the clock that the reader counts with. */
  see(event: JobEvent, at: number): void {
    if (event.kind === "state") {
      this.#enter(event.data.to, at);
      // Another attempt begins anew.
      if (event.data.to === "queued" || event.data.to === "running") this.#gates.clear();
    }
    if (event.kind === "phase" && event.data.status === "started") this.#enter(event.data.phase, at);
    if (event.kind === "turn" && event.data.status === "started") {
      this.turn = event.data.turn;
      this.#enter("turn", at);
    }
    if (event.kind === "model-call") this.usage = addUsage(this.usage, event.data.usage);
    if (event.kind === "gate") this.#gate(event.data.name, event.data.round, event.data.status);
  }

  /** Such as `turn 2`. */
  get what(): string {
    return this.phase === "turn" && this.turn > 0 ? `turn ${this.turn}` : this.phase;
  }

  get gates(): ReadonlyMap<string, GateStanding> {
    return this.#gates;
  }

  get gatesEnded(): number {
    return [...this.#gates.values()].filter((standing) => standing !== "running").length;
  }

  #enter(phase: string, at: number): void {
    // A turn is told twice, as a phase and as itself.
    if (phase !== this.phase) this.since = at;
    this.phase = phase;
  }

  #gate(name: string, round: number, status: string): void {
    if (round !== this.round) this.#gates.clear();
    this.round = round;
    this.#gates.set(name, status === "started" ? "running" : status === "passed" || status === "skipped" ? status : "failed");
  }
}
