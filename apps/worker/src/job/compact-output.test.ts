import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMPACT_LIMIT_BYTES, compactOutput } from "./compact-output.ts";

/** Outputs of the real tools, each with passing and failing parts. */
interface Sample {
  readonly file: string;
  readonly keeps: readonly string[];
  readonly drops: readonly string[];
  /** A line of success; the big variant of the sample has thousands of them. */
  readonly success?: string;
}

const SAMPLES: readonly Sample[] = [
  {
    file: "node-test",
    keeps: ["✖ adds two numbers", "-1 !== 3", "a.test.mjs:7:41", "✖ keeps the order", "+     2,", "expected: { a: [ 1, 3, 2 ], b: 1 }"],
    drops: ["✔ passes", "node:internal"],
    success: "✔ passes 1 (0.827106ms)",
  },
  {
    file: "node-test-tap",
    keeps: ["not ok 6 - adds two numbers", "-1 !== 3", "a.test.mjs:7:41", "not ok 12 - keeps the order", "# fail 2"],
    drops: ["ok 1 - passes 1", "# Subtest: passes 1", "node:internal"],
    success: "ok 1 - passes 1",
  },
  {
    file: "tape",
    keeps: ["not ok 6 one and two", "# adds two numbers", "actual: |-", "t.js:7:35", "# fail  1"],
    drops: ["ok 1 fine", "# passes 1"],
    success: "ok 1 fine",
  },
  {
    file: "mocha",
    keeps: ["1) adds two numbers", "2) waits", "-1 !== 3", "TypeError: cannot read x of undefined", "t.js:7:37", "2 failing"],
    drops: ["✔ passes"],
    success: "    ✔ passes 1",
  },
  {
    file: "jest",
    keeps: ["✕ adds two numbers", "● adder › adds two numbers", "Expected: 3", "Received: -1", "t.test.js:7:51", "1 failed, 5 passed"],
    drops: ["✓ passes"],
    success: "    ✓ passes 2",
  },
  {
    file: "vitest",
    keeps: ["× a.test.js > adder > adds two numbers", "AssertionError: expected -1 to be 3", "- 3", "+ -1", "a.test.js:7:51", "1 failed | 5 passed"],
    drops: ["✓", "\u001b"],
  },
  { file: "vitest-color", keeps: ["× adds two numbers", "AssertionError: expected -1 to be 3", "a.test.js:7:51"], drops: ["✓", "\u001b"] },
  {
    file: "pytest",
    keeps: ["test_adds_two_numbers FAILED", "E       assert -1 == 3", "E       KeyError: 'missing'", "test_a.py:20: AssertionError", "2 failed, 5 passed"],
    drops: ["PASSED"],
    success: "test_a.py::test_passes_1 PASSED                                          [ 14%]",
  },
  {
    file: "go-test",
    keeps: [
      "a_test.go:10: Add(1, 2) = -1, want 3",
      "--- FAIL: TestAdd",
      "panic: assignment to entry in nil map",
      "/workspace/a_test.go:13",
      "FAIL\texample.org/adder",
    ],
    drops: ["--- PASS", "=== RUN"],
    success: "--- PASS: TestPasses1 (0.00s)",
  },
  {
    file: "cargo-test",
    keeps: ["test tests::adds_two_numbers ... FAILED", "panicked at src/lib.rs:16:29", "left: -1", "right: 3", "test result: FAILED. 5 passed; 1 failed"],
    drops: ["... ok", "Compiling"],
    success: "test tests::passes_1 ... ok",
  },
  {
    file: "cargo-build",
    keeps: ["error[E0425]: cannot find value `c` in this scope", "--> src/lib.rs:1:41", "could not compile `adder`"],
    drops: ["Compiling"],
    success: "   Compiling adder v0.1.0 (/workspace)",
  },
  { file: "tsc", keeps: ["x.ts(1,7): error TS2322", "x.ts(2,49): error TS2551"], drops: [] },
  { file: "tsc-pretty", keeps: ["x.ts:1:7 - error TS2322: Type 'string'", 'const a: number = "x";', "Found 2 errors"], drops: ["\u001b"] },
  { file: "eslint", keeps: ["/workspace/x.js", "'a' is assigned a value but never used", "✖ 6 problems (4 errors, 2 warnings)"], drops: [] },
];

function sample(file: string): string {
  return readFileSync(new URL(`outputs/${file}.txt`, import.meta.url), "utf8");
}

describe.each(SAMPLES)("compactOutput of $file", ({ file, keeps, drops, success }) => {
  it("keeps what failed and drops what went well", () => {
    const compact = compactOutput(sample(file));
    for (const text of keeps) expect(compact).toContain(text);
    for (const text of drops) expect(compact).not.toMatch(new RegExp(`(^|\\n)\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`));
  });

  it("finds it in a megabyte of success and chatter as well", () => {
    const chatter = Array.from({ length: 6_000 }, (_, index) => `${success ?? "fine"}\nreading part ${index} of the input, all is as it should be`).join("\n");
    const text = sample(file);
    const middle = text.indexOf("\n", Math.min(200, text.length / 3)) + 1;
    for (const big of [`${chatter}\n${text}`, `${text}\n${chatter}`, `${text.slice(0, middle)}${chatter}\n${text.slice(middle)}`]) {
      const compact = compactOutput(Buffer.from(big));
      expect(Buffer.byteLength(compact)).toBeLessThanOrEqual(COMPACT_LIMIT_BYTES);
      for (const wanted of keeps) if (!/^(✖ 6 problems|# fail)/.test(wanted)) expect(compact).toContain(wanted);
      expect(compact).toMatch(/\[… \d+ lines left out …\]/);
    }
  });
});

describe("compactOutput", () => {
  it("shows the first failures and the summary where there are too many", () => {
    const failures = Array.from(
      { length: 2_000 },
      (_, index) => `not ok ${index + 1} - case ${index + 1}\n  ---\n  expected: 1\n  actual: 2\n  stack: |-\n    at f (/workspace/a.js:${index}:1)\n  ...`,
    );
    const compact = compactOutput(`${failures.join("\n")}\n1..2000\n# tests 2000\n# fail 2000\n`);
    expect(Buffer.byteLength(compact)).toBeLessThanOrEqual(COMPACT_LIMIT_BYTES);
    for (const wanted of ["not ok 1 - case 1\n", "expected: 1", "actual: 2", "not ok 12 - case 12\n", "# fail 2000"]) expect(compact).toContain(wanted);
  });

  it("keeps only the last state of a line that was written over", () => {
    expect(compactOutput("building 10%\rbuilding 60%\rerror: no such target\r\n")).toBe("error: no such target");
  });

  it("keeps what there is where everything looks like success", () => {
    expect(compactOutput("ok 1 - a\nok 2 - b\n")).toBe("ok 1 - a\nok 2 - b");
    expect(compactOutput("")).toBe("(it wrote nothing)");
    expect(compactOutput("\n\x1b[2K\r\n")).toBe("(it wrote nothing)");
  });

  it("is never empty, never above the limit, and well-formed, whatever a command writes", () => {
    const words = fc.constantFrom(
      "not ok 1 - x",
      "ok 2",
      "Error: boom",
      "\x1b[31mred\x1b[0m",
      "    at f (a.js:1:1)",
      "é".repeat(700),
      "\r",
      "…",
      "FAIL",
      "",
      "\u{1f600}".repeat(300),
    );
    const outputs = fc.oneof(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.array(words, { maxLength: 400 }).map((lines) => lines.join("\n")),
      fc.uint8Array({ maxLength: 4_000 }),
    );
    fc.assert(
      fc.property(outputs, fc.integer({ min: 20, max: 9_000 }), (output, limitBytes) => {
        const compact = compactOutput(output, limitBytes);
        expect(compact.trim()).not.toBe("");
        expect(compact.isWellFormed()).toBe(true);
        expect(Buffer.byteLength(compact)).toBeLessThanOrEqual(limitBytes);
      }),
    );
  });

  it("takes 16 MiB in reasonable time", () => {
    const compact = compactOutput(Buffer.from(`${"some line of a very long log that says nothing at all\n".repeat(300_000)}Error: the end\n`));
    expect(compact).toContain("Error: the end");
  });
});
