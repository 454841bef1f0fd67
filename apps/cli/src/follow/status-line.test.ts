import type { EventBody, JobEvent } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { JobProgress, statusText } from "./status-line.ts";

function progressOf(events: readonly EventBody[], gateCount?: number): string[] {
  const progress = new JobProgress();
  progress.gateCount = gateCount;
  for (const [index, event] of events.entries()) progress.see({ jobId: "j", seq: index + 1, fence: 1, at: 0, ...event } as JobEvent);
  return progress.parts(65_000);
}

const gate = (name: string, status: "started" | "passed" | "failed", round = 0): EventBody => ({ kind: "gate", data: { name, status, round } });
const phase = (name: "gates" | "commit", status: "started" | "ended"): EventBody => ({ kind: "phase", data: { phase: name, status } });
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

test("phase, time, gates, cost and tokens, each as soon as it is known", () => {
  expect(progressOf([])).toEqual(["queued", "1 min 05 s"]);
  const events = [call, phase("gates", "started"), gate("lint", "started"), gate("lint", "passed"), gate("test", "started")];
  expect(progressOf(events, 3)).toEqual(["gates", "1 min 05 s", "gates 1/3", "$0.12", "46.3k tokens"]);
  expect(progressOf(events)[2]).toBe("gates 1");
});

test("a repair counts its gates anew, and so does another attempt", () => {
  const first = [gate("lint", "failed"), gate("test", "passed")];
  expect(progressOf([...first, gate("lint", "started", 1)], 2)).toContain("gates 0/2");
  const requeued: EventBody = { kind: "state", data: { from: "running", to: "queued", on: "failed", reason: "", code: "RUNNER_LOST" } };
  expect(progressOf([...first, requeued], 2)).toEqual(["queued", "1 min 05 s"]);
  expect(progressOf([...first, requeued, gate("lint", "passed")], 2)).toContain("gates 1/2");
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
