import type { JobEvent } from "@slipway/protocol/events";

/** One attempt, from its claim to its finish as the server has them. */
export interface Timing {
  /** Less the agent's turns and the gates' commands. */
  readonly ownMs: number;
  /** What it is made of, in order; they add up to `ownMs`. */
  readonly parts: ReadonlyMap<string, number>;
}

/** What no phase covers. */
export const OTHER = "other";

/**
 * From the times of the events: each phase less what the agent and the gates took in it, the way from the claim to the first phase, and from the last one
 * to the finish. Whatever the phases leave uncovered is `other`.
 */
export function splitUp(events: readonly JobEvent[], { startedAt, endedAt }: { startedAt: number; endedAt: number }): Timing {
  const parts = new Map<string, number>();
  const add = (name: string, ms: number): void => void parts.set(name, (parts.get(name) ?? 0) + ms);
  const began = new Map<string, number>();
  const phases: Array<{ start: number; end: number }> = [];
  let others = 0;
  for (const event of events) {
    if (event.kind === "phase" && event.data.status === "started") began.set(event.data.phase, event.at);
    if (event.kind === "phase" && event.data.status === "ended") {
      const start = began.get(event.data.phase) ?? event.at;
      phases.push({ start, end: event.at });
      add(event.data.phase, event.at - start);
    }
    const own = agentMs(event, began);
    if (own) add(own.phase, -own.ms);
    others += own?.ms ?? 0;
  }
  const ownMs = endedAt - startedAt - others;
  const [first, last] = [phases[0]?.start ?? endedAt, phases.at(-1)?.end ?? endedAt];
  const ordered = new Map([["claim → first phase", first - startedAt], ...parts, ["last phase → finish", endedAt - last]]);
  const covered = [...ordered.values()].reduce((sum, ms) => sum + ms, 0);
  return { ownMs, parts: ordered.set(OTHER, ownMs - covered) };
}

/** What an event says of time that is not Slipway's: a turn of the agent, the command of a gate. */
function agentMs(event: JobEvent, began: Map<string, number>): { phase: string; ms: number } | undefined {
  if (event.kind === "turn" && event.data.status === "started") began.set("the agent's turn", event.at);
  else if (event.kind === "turn") return { phase: "turn", ms: event.at - (began.get("the agent's turn") ?? event.at) };
  else if (event.kind === "gate" && event.data.status !== "started") return { phase: "gates", ms: event.data.durationMs ?? 0 };
  return undefined;
}
