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
