import type { JobEvent } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { splitUp } from "../../scripts/bench/attempt-parts.ts";

/** Events of one attempt, at these ms. */
function events(...rows: Array<[number, Pick<JobEvent, "kind" | "data">]>): JobEvent[] {
  return rows.map(([at, event], index) => ({ seq: index + 1, at, fence: 1, ...event }) as JobEvent);
}

function phase(name: string, status: "started" | "ended"): Pick<JobEvent, "kind" | "data"> {
  return { kind: "phase", data: { phase: name, status } } as Pick<JobEvent, "kind" | "data">;
}

test("the parts add up to the whole, the agent and the gates are in none of them, and what no phase covers is other", () => {
  const gate = { kind: "gate", data: { name: "test", status: "passed", round: 0, durationMs: 25 } } as Pick<JobEvent, "kind" | "data">;
  const turn = (status: string) => ({ kind: "turn", data: { turn: 1, status, reason: "task" } }) as Pick<JobEvent, "kind" | "data">;
  const attempt = events(
    [1_010, phase("prepare", "started")],
    [1_050, phase("prepare", "ended")],
    [1_052, phase("turn", "started")],
    [1_054, turn("started")],
    [1_154, turn("ended")],
    [1_157, phase("turn", "ended")],
    [1_157, phase("gates", "started")],
    [1_190, gate],
    [1_192, phase("gates", "ended")],
    [1_192, phase("push", "started")],
    [1_212, phase("push", "ended")],
  );
  const { ownMs, parts } = splitUp(attempt, { startedAt: 1_000, endedAt: 1_220 });
  expect(ownMs).toBe(220 - 100 - 25);
  expect(Object.fromEntries(parts)).toEqual({
    "claim → first phase": 10,
    prepare: 40,
    turn: 5,
    gates: 10,
    push: 20,
    "last phase → finish": 8,
    other: 2,
  });
  expect([...parts.values()].reduce((sum, ms) => sum + ms, 0)).toBe(ownMs);
});

test("an attempt without events is all other than phases, and still adds up", () => {
  const { ownMs, parts } = splitUp([], { startedAt: 1_000, endedAt: 1_100 });
  expect([ownMs, [...parts.values()].reduce((sum, ms) => sum + ms, 0)]).toEqual([100, 100]);
});
