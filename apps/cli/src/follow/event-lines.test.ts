import type { EventBody } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { eventLines } from "./event-lines.ts";

type Tests = Extract<EventBody, { kind: "gate" }>["data"]["tests"];

function gateLine(tests: Tests): string | undefined {
  return eventLines({ kind: "gate", data: { name: "test", status: "failed", round: 0, exitCode: 1, durationMs: 3_200, tests } }, false)[0]?.text;
}

test("a red gate tells which tests failed, where its runner is known", () => {
  const first = { name: "adder › adds", file: "adds.test.ts", line: 12 };
  expect(gateLine({ runners: ["vitest"], passed: 39, failed: 2, skipped: 0, failing: [first, { name: "other" }] })).toBe(
    "gate test failed (exit 1): 2 of 41 tests, first adds.test.ts:12 adder › adds, 3.2 s",
  );
  expect(gateLine({ runners: ["go test"], failed: 1, skipped: 0, failing: [{ name: "TestAdd" }] })).toBe("gate test failed (exit 1): 1 test, TestAdd, 3.2 s");
  expect(gateLine({ runners: ["vitest"], passed: 4, failed: 0, skipped: 0, failing: [] })).toBe("gate test failed (exit 1) 3.2 s");
  expect(gateLine(undefined)).toBe("gate test failed (exit 1) 3.2 s");
});

test("a revision by the landing and one by a critic are told apart", () => {
  const started = (turn: number) => eventLines({ kind: "turn", data: { turn, status: "started", reason: "revision" } }, false)[0]?.text;
  expect(started(1)).toBe("turn 1: revise what did not fit onto its target");
  expect(started(2)).toBe("turn 2: revise what the critic found");
  const reason = "revision 1 of 2: conflicts with job 12 in src/a.ts";
  const data = { from: "integrating", to: "queued", on: "revise", code: "MERGE_CONFLICT", reason } as const;
  expect(eventLines({ kind: "state", data }, false)).toEqual([{ tone: "warning", text: `queued MERGE_CONFLICT: ${reason}` }]);
});
