import { describe, expect, it } from "vitest";
import type { RunSummary } from "../gate-output/run-summary.ts";
import { failureDigest } from "./failure-digest.ts";

const failure = {
  name: "test",
  exitCode: 1,
  output: "✖ adds (1.5ms)\nat 2026-01-02T03:04:05.678Z 0xdeadbeef /tmp/abc-X1/y.js 127.0.0.1:4711\n(node:17) Warning\npid 17, seed: 5\n-1 !== 3\nTime: 0.3 s",
};

describe("failureDigest", () => {
  it("is the same where only times, addresses and temporary names differ", () => {
    const again = {
      ...failure,
      output:
        "\x1b[31m✖\x1b[0m adds (22ms)\r\nat 2027-11-12T13:14:15Z 0x1234 /tmp/zzz/y.js 127.0.0.1:80\n(node:4023) Warning\npid 4023, seed: 77\n-1 !== 3\nTime: 12 s\n\n",
    };
    expect(failureDigest(again)).toBe(failureDigest(failure));
  });

  it.each([{ output: failure.output.replace("-1 !== 3", "-2 !== 3") }, { exitCode: 2 }, { exitCode: null }, { name: "lint" }])("differs with %j", (change) => {
    expect(failureDigest({ ...failure, ...change })).not.toBe(failureDigest(failure));
  });

  it("is of the failing tests where they are known: their order and other output mean nothing, what they say does", () => {
    const tests = (...failures: Array<[name: string, message: string]>): RunSummary => ({
      runners: ["vitest"],
      passed: 1,
      failed: failures.length,
      skipped: 0,
      failures: failures.map(([name, message]) => ({ name, message, stack: [] })),
      passedNames: [],
    });
    const of = (run: RunSummary, output = ""): string => failureDigest({ ...failure, output, tests: run });
    const known = of(tests(["a", "took 5 ms"], ["b", "-1 !== 3"]), "first run");
    expect(of(tests(["b", "-1 !== 3"], ["a", "took 7 ms"]), "another one")).toBe(known);
    expect(of(tests(["b", "-2 !== 3"], ["a", "took 5 ms"]))).not.toBe(known);
    expect(of(tests(["a", "took 5 ms"]))).not.toBe(known);
    // Where not all are named, the output has to tell.
    const some = { ...tests(["a", "x"]), failed: 2 };
    expect(of(some, "one")).not.toBe(of(some, "two"));
  });
});
