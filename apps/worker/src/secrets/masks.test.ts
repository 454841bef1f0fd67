import { expect, test } from "vitest";
import { Masks } from "./masks.ts";

test("what was learnt is masked in bytes, streams, texts and failures, and never forgotten", () => {
  const masks = new Masks(["first-secret"]);
  masks.learn(["second-secret", "first-secret"]);
  expect(masks.bytes(Buffer.from("a first-secret b second-secret c")).toString()).toBe("a *** b *** c");
  const stream = masks.stream();
  expect(Buffer.concat([stream.push(Buffer.from("a first-")), stream.push(Buffer.from("secret b")), stream.end()]).toString()).toBe("a *** b");
  expect(masks.text("c2Vjb25kLXNlY3JldA==")).toMatch(/^\*\*\*/);
  const failure = { code: "SETUP_FAILED", message: "said first-secret", details: { lines: ["second-secret"], exitCode: 1 } };
  expect(masks.failure(failure)).toEqual({ code: "SETUP_FAILED", message: "said ***", details: { lines: ["***"], exitCode: 1 } });
});

test("of an event its free texts are masked, and what gives it its form is not", () => {
  const masks = new Masks(["gates", "1234", "a secret"]);
  const phase = { kind: "phase", data: { phase: "gates", status: "failed", durationMs: 1234, detail: "a secret of gates" } } as const;
  expect(masks.event(phase)).toEqual({ kind: "phase", data: { ...phase.data, detail: "*** of ***" } });
  expect(masks.event({ kind: "check", data: { name: "gates", passed: false, findings: ["a secret.txt"] } }).data).toEqual({
    name: "gates",
    passed: false,
    findings: ["***.txt"],
  });
  expect(masks.event({ kind: "notice", data: { level: "info", text: "see 1234" } }).data).toEqual({ level: "info", text: "see ***" });
  const gate = { kind: "gate", data: { name: "gates", status: "passed", round: 0, durationMs: 1234 } } as const;
  expect(masks.event(gate)).toBe(gate);
});
