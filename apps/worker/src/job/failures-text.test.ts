import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FAILURES_LIMIT_BYTES, type FailedGate, failuresText } from "./failures-text.ts";

const failedArbitrary: fc.Arbitrary<FailedGate> = fc.record({
  name: fc.stringMatching(/^[a-z0-9][a-z0-9._:-]{0,63}$/),
  command: fc.string({ unit: "binary", minLength: 1, maxLength: 3_000 }),
  exitCode: fc.option(fc.integer({ min: 1, max: 255 })),
  timedOut: fc.boolean(),
  durationMs: fc.nat(),
  output: fc.oneof(fc.string({ unit: "binary", maxLength: 2_000 }), fc.constant("x".repeat(30_000)), fc.constant("````\n".repeat(4_000)), fc.constant("")),
});

describe("failuresText", () => {
  it("names gate, command, exit code and what it said", () => {
    const prompt = failuresText([
      { name: "test", command: "npm test", exitCode: 1, timedOut: false, durationMs: 20, output: "✔ fine (1ms)\n✖ adds (2ms)\n  -1 !== 3\n" },
    ]);
    expect(prompt).toContain('## Gate "test" failed\n`npm test` ended with exit code 1. Its output:\n```\n✖ adds (2ms)\n  -1 !== 3\n```');
  });

  it("says that a gate ran out of time", () => {
    expect(failuresText([{ name: "test", command: "npm test", exitCode: null, timedOut: true, durationMs: 30_020, output: "" }])).toContain(
      "did not end within 30 s. Its output:\n```\n(it wrote nothing)",
    );
  });

  it("gives every gate its share, and what one does not need to the next", () => {
    const output = Array.from({ length: 2_000 }, (_, line) => `Error: number ${line}`).join("\n");
    const gate = { command: "make", exitCode: 2, timedOut: false, durationMs: 1 };
    const prompt = failuresText([
      { ...gate, name: "lint", output: "one line" },
      { ...gate, name: "test", output },
      { ...gate, name: "build", output },
    ]);
    for (const name of ["lint", "test", "build"]) expect(prompt).toContain(`## Gate "${name}" failed`);
    expect(Buffer.byteLength(prompt)).toBeGreaterThan(FAILURES_LIMIT_BYTES * 0.8);
  });

  it("is never above its limit and names the first failure, whatever the gates are", () => {
    fc.assert(
      fc.property(fc.array(failedArbitrary, { minLength: 1, maxLength: 60 }), (failures) => {
        const prompt = failuresText(failures);
        expect(Buffer.byteLength(prompt)).toBeLessThanOrEqual(FAILURES_LIMIT_BYTES);
        expect(prompt).toContain(`"${failures[0]?.name}" failed`);
        expect(prompt.isWellFormed()).toBe(true);
      }),
    );
  });
});
