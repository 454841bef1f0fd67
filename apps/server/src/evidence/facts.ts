import type { JobEvent, TurnResources } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import type { ScorecardFacts } from "@slipway/protocol/scorecard";
import type { KeptEvents } from "./read-all-events.ts";

type Counted = Pick<
  ScorecardFacts,
  "turns" | "failedTurns" | "repairs" | "toolCalls" | "toolErrors" | "gates" | "gatesAtFirst" | "checks" | "refusals" | "warnings"
>;

/** What the events of a job's attempts add up to. Gates and checks count as they stood at first: what a repair mended was wrong all the same. */
export function countEvents(events: readonly JobEvent[]): Counted {
  const counted = { turns: 0, failedTurns: 0, repairs: 0, toolCalls: 0, toolErrors: 0, gates: 0, gatesAtFirst: 0, checks: 0, refusals: 0, warnings: 0 };
  const seen = new Set<string>();
  // Of the first attempt that has them, and of that the first run.
  const isFirst = (key: string): boolean => {
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  };
  for (const event of events) {
    if (event.kind === "turn") {
      if (event.data.status === "started") {
        counted.turns += 1;
        if (event.data.reason !== "task") counted.repairs += 1;
      }
      if (event.data.status === "failed") counted.failedTurns += 1;
    }
    if (event.kind === "tool-call") counted.toolCalls += 1;
    if (event.kind === "tool-result" && event.data.isError) counted.toolErrors += 1;
    if (event.kind === "gate" && event.data.status !== "started" && isFirst(`gate ${event.data.name}`)) {
      counted.gates += 1;
      if (event.data.status === "passed") counted.gatesAtFirst += 1;
    }
    if (event.kind === "check" && isFirst(`check ${event.data.name}`)) {
      counted.checks += 1;
      if (event.data.passed) counted.warnings += event.data.findings.length;
      else counted.refusals += event.data.findings.length;
    }
  }
  return counted;
}

/** What the runners told of the turns: times add up, and of memory it is the most. */
export function machineOf(events: readonly JobEvent[]): TurnResources | null {
  const told = events.flatMap((event) => (event.kind === "turn" && event.data.resources ? [event.data.resources] : []));
  if (told.length === 0) return null;
  return { cpuMs: told.reduce((sum, { cpuMs }) => sum + cpuMs, 0), peakMemoryBytes: Math.max(...told.map(({ peakMemoryBytes }) => peakMemoryBytes)) };
}

/** How much of the code tests run, as it was told last. */
export function coverageIn(events: readonly JobEvent[]): ScorecardFacts["coverage"] {
  return events.flatMap((event) => (event.kind === "check" && event.data.coverage ? [event.data.coverage] : [])).at(-1) ?? null;
}

/** All that a scorecard is made of; `work`: the job whose attempts did it, another one where a person accepted the work. */
export function factsOf(detail: JobDetail, work: JobDetail, kept: KeptEvents, history: ScorecardFacts["history"]): ScorecardFacts {
  const { job } = detail;
  const begun = work.attempts[0]?.startedAt;
  const ended = work.job.endedAt;
  return {
    state: job.state,
    code: job.failure?.code ?? null,
    isAccepted: detail.acceptance !== null,
    attempts: work.attempts.length,
    ...countEvents(kept.events),
    coverage: coverageIn(kept.events),
    workMs: begun === undefined || ended === null ? null : Math.max(0, ended - begun),
    history,
    usage: work.job.usage,
    machine: machineOf(kept.events),
    isPartial: kept.isPartial,
  };
}
