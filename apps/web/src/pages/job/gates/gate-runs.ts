import type { JobEvent } from "@slipway/protocol/events";

type DataOf<K extends JobEvent["kind"]> = Extract<JobEvent, { kind: K }>["data"];

/** One run of a gate. */
export interface GateRun extends Omit<DataOf<"gate">, "status"> {
  readonly key: string;
  readonly fence: number | null;
  /** `running` while the job goes on, `cut` where its end was never told. */
  readonly status: Exclude<DataOf<"gate">["status"], "started"> | "running";
  readonly from: number;
  readonly verdict: DataOf<"gate-verdict"> | null;
}

/** The gates that ran after one turn of an attempt, in their order. */
export interface GateRound {
  readonly key: string;
  readonly fence: number | null;
  readonly round: number;
  readonly runs: readonly GateRun[];
}

/** All runs of gates, newest round first. */
export function gateRounds(events: readonly JobEvent[]): GateRound[] {
  const rounds = new Map<string, GateRound & { runs: GateRun[] }>();
  for (const event of events) {
    if (event.kind !== "gate" && event.kind !== "gate-verdict") continue;
    const { fence, data } = event;
    const key = `${fence}-${data.round}`;
    const round = rounds.get(key) ?? { key, fence, round: data.round, runs: [] };
    rounds.set(key, round);
    const at = round.runs.findLastIndex(({ name }) => name === data.name);
    const before = round.runs[at];
    if (event.kind === "gate-verdict") {
      if (before) round.runs[at] = { ...before, verdict: event.data };
      continue;
    }
    const { status, ...rest } = event.data;
    const run: GateRun = {
      ...rest,
      key: `${key}-${rest.name}`,
      fence,
      status: status === "started" ? "running" : status,
      from: before?.from ?? event.at,
      verdict: before?.verdict ?? null,
    };
    if (before) round.runs[at] = run;
    else round.runs.push(run);
  }
  return [...rounds.values()].toReversed();
}

/** The newest run of each gate: how they stand. */
export function newestRuns(rounds: readonly GateRound[]): GateRun[] {
  const newest = new Map<string, GateRun>();
  for (const { runs } of rounds) for (const run of runs) if (!newest.has(run.name)) newest.set(run.name, run);
  return [...newest.values()];
}
