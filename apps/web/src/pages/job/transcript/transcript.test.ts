import type { JobEvent } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { findingsOf } from "../findings/findings.ts";
import { gateRounds, newestRuns } from "../gates/gate-runs.ts";
import { KeptEvents } from "../stream/kept-events.ts";
import { transcriptOf } from "./transcript.ts";

function eventsOf(...drafts: ReadonlyArray<{ kind: JobEvent["kind"]; data: unknown; fence?: number }>): JobEvent[] {
  return drafts.map(({ fence = 1, ...rest }, index) => ({ jobId: "j", seq: index + 1, fence, at: index, ...rest }) as JobEvent);
}
const call = { provider: "p", model: "m", outcome: "ok", usage: { inputTokens: 1, outputTokens: 2, costUsd: 0 }, durationMs: 3 };

test("turns hold what was said and done; results stand with their calls, and calls of models together", () => {
  const turns = transcriptOf(
    eventsOf(
      { kind: "notice", data: { level: "info", text: "before" } },
      { kind: "turn", data: { turn: 1, status: "started", reason: "task" } },
      { kind: "tool-call", data: { callId: "1", name: "shell", input: { command: "ls" } } },
      { kind: "model-call", data: call },
      { kind: "model-call", data: call },
      { kind: "tool-result", data: { callId: "1", output: "a", isError: true } },
      { kind: "tool-result", data: { callId: "unknown", output: "b", isError: false } },
      { kind: "file-change", data: { path: "a", change: "added" } },
      { kind: "file-change", data: { path: "b", change: "deleted" } },
      { kind: "turn", data: { turn: 1, status: "failed", reason: "task", code: "AGENT_STALLED" } },
      { kind: "turn", data: { turn: 1, status: "started", reason: "task" }, fence: 2 },
    ),
  );
  expect(turns).toMatchObject([
    { turn: 0, entries: [{ kind: "notice" }] },
    {
      turn: 1,
      fence: 1,
      failedWith: "AGENT_STALLED",
      entries: [
        { kind: "tool", name: "shell", result: { output: "a", isError: true } },
        { kind: "calls", calls: [call, call] },
        { kind: "tool", input: undefined, result: { output: "b" } },
        { kind: "file", changes: [{ path: "a" }, { path: "b" }] },
      ],
    },
    { turn: 1, fence: 2, to: null, entries: [] },
  ]);
});

test("gates by rounds, newest first, with what was made of the red ones", () => {
  const gate = (name: string, status: string, round: number, more: object = {}) => ({ kind: "gate" as const, data: { name, status, round, ...more } });
  const rounds = gateRounds(
    eventsOf(
      gate("a", "started", 0),
      gate("a", "failed", 0, { exitCode: 1, durationMs: 5 }),
      gate("b", "skipped", 0, { because: "a" }),
      { kind: "gate-verdict", data: { name: "a", round: 0, verdict: "new", base: "green" } },
      gate("a", "started", 1),
    ),
  );
  expect(rounds).toMatchObject([
    { round: 1, runs: [{ name: "a", status: "running" }] },
    {
      round: 0,
      runs: [
        { name: "a", status: "failed", exitCode: 1, from: 0, verdict: { verdict: "new" } },
        { name: "b", status: "skipped" },
      ],
    },
  ]);
  expect(newestRuns(rounds)).toMatchObject([
    { name: "a", status: "running" },
    { name: "b", status: "skipped" },
  ]);
});

test("findings are the newest of each judge, refusing ones first, with their places", () => {
  const critic = {
    name: "second",
    level: "required",
    criteria: [{ text: "Sums", verdict: "unmet", reason: "no sum", evidence: [{ file: "a.ts", line: 3 }] }],
    findings: [
      { severity: "nit", text: "name", proven: true },
      { severity: "major", text: "ghost", file: "x", line: 1, proven: false },
    ],
  };
  const findings = findingsOf(
    eventsOf(
      { kind: "check", data: { name: "tests", passed: false, findings: ["old"] } },
      { kind: "check", data: { name: "tests", passed: true, findings: ["src/a.test.ts:12: skipped"] } },
      { kind: "critic", data: critic },
    ),
  );
  expect(findings).toMatchObject([
    { by: "critic second", severity: "unmet", file: "a.ts", line: 3, refuses: true },
    { severity: "major", refuses: false, text: "ghost (what it names is not there)" },
    { severity: "nit", refuses: false },
    { by: "check tests", severity: "tells", file: "src/a.test.ts", line: 12, refuses: false },
  ]);
});

test("what was said gives way before what happened", () => {
  const kept = new KeptEvents({ characters: 100, events: 5 });
  const events = eventsOf({ kind: "turn", data: {} }, ...Array.from({ length: 2_000 }, () => ({ kind: "message" as const, data: {} })), {
    kind: "turn",
    data: {},
  });
  for (const event of events) if (event.kind !== "log") kept.add(event, 30);
  expect(kept.all.map(({ seq }) => seq)).toEqual([1, 1_999, 2_000, 2_001, 2_002]);
  expect(kept.dropped).toBe(1_997);
  expect(kept.all).toBe(kept.all);
});
