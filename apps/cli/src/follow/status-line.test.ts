import type { EventBody, JobEvent } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { JobProgress } from "./job-progress.ts";
import { gatesText, type StatusFacts, statusParts, statusText } from "./status-line.ts";

function progressOf(events: readonly EventBody[]): JobProgress {
  const progress = new JobProgress();
  for (const [index, event] of events.entries()) progress.see({ jobId: "j", seq: index + 1, fence: 1, at: 0, ...event } as JobEvent, 1_000 * index);
  return progress;
}

function partsOf(events: readonly EventBody[], facts: Partial<StatusFacts> = {}): string[] {
  return statusParts(progressOf(events), { budget: {}, gateCount: undefined, ...facts }, 65_000, 10_000);
}

const gate = (name: string, status: "started" | "passed" | "failed", round = 0): EventBody => ({ kind: "gate", data: { name, status, round } });
const phase = (name: "gates" | "turn", status: "started" | "ended"): EventBody => ({ kind: "phase", data: { phase: name, status } });
const turn = (number: number): EventBody => ({ kind: "turn", data: { turn: number, status: "started", reason: "task" } });
const call: EventBody = {
  kind: "model-call",
  data: {
    callId: "01a",
    provider: "openai",
    model: "m",
    outcome: "ok",
    status: 200,
    usage: { inputTokens: 45_000, cachedInputTokens: 0, outputTokens: 1_300, reasoningTokens: 0, costUsd: 0.12 },
    estimated: false,
    durationMs: 900,
    firstByteMs: 300,
  },
};

test("phase and its time, all of the time, gates, cost and tokens, each as soon as it is known", () => {
  expect(partsOf([])).toEqual(["queued", "1 min 05 s"]);
  const events = [call, phase("gates", "started"), gate("lint", "started"), gate("lint", "passed"), gate("test", "started")];
  expect(partsOf(events, { gateCount: 3 })).toEqual(["gates (9 s)", "1 min 05 s", "gates 1/3", "$0.12", "46.3k tokens"]);
  expect(partsOf(events)[2]).toBe("gates 1");
  expect(partsOf(events, { budget: { usd: 2, tokens: 200_000 } }).slice(-2)).toEqual(["$0.12 of $2.00", "46.3k of 200k tokens"]);
});

test("a turn, which is told as a phase and as itself, is one", () => {
  expect(partsOf([phase("turn", "started"), turn(1)])[0]).toBe("turn 1 (10 s)");
  expect(partsOf([turn(1), phase("gates", "started"), turn(2)])[0]).toBe("turn 2 (8 s)");
});

test("a repair counts its gates anew, and so does another attempt", () => {
  const first = [gate("lint", "failed"), gate("test", "passed")];
  expect(partsOf([...first, gate("lint", "started", 1)], { gateCount: 2 })).toContain("gates 0/2");
  const requeued: EventBody = { kind: "state", data: { from: "running", to: "queued", on: "failed", reason: "", code: "RUNNER_LOST" } };
  expect(partsOf([...first, requeued], { gateCount: 2 })).toEqual(["queued", "1 min 05 s"]);
  expect(partsOf([...first, requeued, gate("lint", "passed")], { gateCount: 2 })).toContain("gates 1/2");
});

test("each gate of the round is told by name", () => {
  expect(gatesText(progressOf([]))).toBeUndefined();
  expect(gatesText(progressOf([gate("lint", "passed"), gate("test", "failed"), gate("e2e", "started")]))).toBe("gates: ✓ lint  ✗ test  … e2e");
  expect(gatesText(progressOf([gate("lint", "passed"), gate("test", "failed"), gate("test", "passed", 1)]))).toBe("gates, round 2: ✓ test");
});

test("what does not fit is left out from the end, and wide signs count as two columns", () => {
  const parts = ["job 7", "turn 1", "5 s", "gates 1/3"];
  expect(statusText(parts, 80)).toBe("job 7 · turn 1 · 5 s · gates 1/3");
  expect(statusText(parts, 31)).toBe("job 7 · turn 1 · 5 s");
  expect(statusText(parts, 7)).toBe("job 7");
  expect(statusText(parts, 4)).toBe("job…");
  expect(statusText(["漢字", "x"], 7)).toBe("漢字");
  expect(statusText(["漢字", "x"], 8)).toBe("漢字 · x");
});
