import type { JobEvent, Phase } from "@slipway/protocol/events";
import type { JobView } from "@slipway/protocol/job";

const PHASE_WORDS: Readonly<Record<Phase, string>> = {
  prepare: "prepares the workspace",
  setup: "runs the setup",
  turn: "its agent works",
  checks: "checks the change",
  critic: "a critic reads the change",
  gates: "runs the gates",
  baseline: "runs red gates on the base",
  commit: "makes the commit",
  push: "pushes the commit",
  cleanup: "cleans up",
  merge: "is merged with its target",
  verify: "the merged tree is verified",
  land: "lands",
};

/** What a job does now, in a few words, and since when; undefined where it does nothing. */
export function nowOf({ state, fence }: Pick<JobView, "state" | "fence">, events: readonly JobEvent[]): { what: string; since: number } | undefined {
  if (state !== "running" && state !== "integrating") return undefined;
  const since = events.findLast((event) => event.kind === "state");
  const newest = events.findLast((event) => event.seq > (since?.seq ?? 0) && event.kind === "phase");
  if (newest?.kind !== "phase") return since && { what: state === "running" ? "begins" : "waits for the integrator", since: since.at };
  if (newest.data.status !== "started") return { what: `${newest.data.phase} is over`, since: newest.at };
  if (newest.data.phase === "turn") {
    const turn = events.findLast((event) => event.kind === "turn" && event.fence === fence);
    if (turn?.kind === "turn") return { what: `turn ${turn.data.turn}: its agent works`, since: turn.at };
  }
  if (newest.data.phase === "gates") {
    const gate = events.findLast((event) => event.kind === "gate" && event.seq > newest.seq);
    if (gate?.kind === "gate" && gate.data.status === "started") return { what: `runs the gate ${gate.data.name}`, since: gate.at };
  }
  return { what: PHASE_WORDS[newest.data.phase], since: newest.at };
}

/** Whether a message could reach its agent. */
export function isInTurn({ state, kind, fence }: Pick<JobView, "state" | "kind" | "fence">, events: readonly JobEvent[]): boolean {
  if (state !== "running" || kind !== "task") return false;
  const turn = events.findLast((event) => event.kind === "turn" && event.fence === fence);
  return turn?.kind === "turn" && turn.data.status === "started";
}
