import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRun } from "./read-run.ts";
import { runText } from "./run-text.ts";
import { failureExcerpt } from "./told-run.ts";

/** Recordings of real runners, by `tests/runners/record.ts`; the first line of each says of what. */
function recorded(name: string): string {
  const text = readFileSync(join(import.meta.dirname, "recorded", `${name}.txt`), "utf8");
  return text.slice(text.indexOf("\n") + 1);
}

const ALL = [
  ...["node-spec", "node-tap", "node-junit", "vitest", "vitest-verbose", "vitest-junit", "vitest-tap", "jest", "jest-verbose", "jest-junit"],
  ...["mocha", "tape", "pytest", "pytest-quiet", "pytest-verbose", "pytest-junit", "go", "go-verbose", "go-json", "cargo"],
];

describe("readRun", () => {
  it.each<[string, string, number | undefined, number, number, ReadonlyArray<string>]>([
    [
      "node-spec",
      "node:test",
      3,
      3,
      1,
      [
        "adds two numbers @ test/sum.test.js:9 @ -1 !== 3",
        "keeps the order @ test/sum.test.js:12 @ ",
        "reads deep @ test/sum.test.js:15 @ TypeError: Cannot read",
      ],
    ],
    [
      "node-tap",
      "TAP",
      3,
      3,
      1,
      ["adds two numbers @ test/sum.test.js:9 @ -1 !== 3", "keeps the order @ test/sum.test.js:12 @ ", "reads deep @ test/sum.test.js:15 @ Cannot read"],
    ],
    [
      "node-junit",
      "JUnit XML",
      3,
      3,
      1,
      [
        "adder › adds two numbers @ test/sum.test.js:10 @ -1 !== 3",
        "adder › keeps the order @ test/sum.test.js:13 @ ",
        "adder › reads deep @ test/sum.test.js:16 @ Cannot read",
      ],
    ],
    ...["vitest", "vitest-verbose"].map(
      (name) =>
        [
          name,
          "vitest",
          3,
          4,
          1,
          [
            "test/broken.test.js @ test/broken.test.js:1 @ Cannot find module '../not-there.js'",
            "adder › adds two numbers @ test/sum.test.js:9 @ AssertionError: expected -1 to deeply equal 3",
            "adder › keeps the order @ test/sum.test.js:12 @ ",
            "adder › reads deep @ test/sum.test.js:15 @ TypeError: Cannot read",
          ],
        ] as [string, string, number, number, number, string[]],
    ),
    [
      "vitest-junit",
      "JUnit XML",
      3,
      4,
      1,
      [
        "test/broken.test.js @ test/broken.test.js:1 @ Cannot find module",
        "test/sum.test.js › adder > adds two numbers @ test/sum.test.js:9 @ expected -1 to",
        "test/sum.test.js › adder > keeps the order @ test/sum.test.js:12 @ ",
        "test/sum.test.js › adder > reads deep @ sum.js:2 @ Cannot read",
      ],
    ],
    [
      "vitest-tap",
      "TAP",
      3,
      4,
      1,
      [
        "test/broken.test.js @ test/broken.test.js:1 @ Cannot find module",
        "adds two numbers @ test/sum.test.js:9 @ expected -1 to deeply equal 3",
        "keeps the order @ test/sum.test.js:12 @ ",
        "reads deep @ sum.js:2 @ Cannot read",
      ],
    ],
    ...["jest", "jest-verbose"].map(
      (name) =>
        [
          name,
          "jest",
          3,
          4,
          1,
          [
            "adder › adds two numbers @ test/sum.test.js:8 @ Received: -1",
            "adder › keeps the order @ test/sum.test.js:11 @ ",
            "adder › reads deep @ test/sum.test.js:14 @ TypeError: Cannot read",
            "test/broken.test.js @ test/broken.test.js:1 @ Cannot find module '../not-there.js'",
          ],
        ] as [string, string, number, number, number, string[]],
    ),
    [
      "jest-junit",
      "JUnit XML",
      3,
      3,
      1,
      [
        "adder adds two numbers @ test/sum.test.js:8 @ Received: -1",
        "adder keeps the order @ test/sum.test.js:11 @ ",
        "adder reads deep @ sum.js:2 @ TypeError",
      ],
    ],
    [
      "mocha",
      "mocha",
      3,
      3,
      1,
      [
        "adder › adds two numbers @ test/sum.test.js:10 @ -1 !== 3",
        "adder › keeps the order @ test/sum.test.js:13 @ ",
        "adder › reads deep @ sum.js:2 @ TypeError: Cannot read",
      ],
    ],
    ["tape", "TAP", 1, 1, 0, ["one and two @ test/sum.test.js:5 @ "]],
    ...["pytest", "pytest-quiet", "pytest-verbose"].map(
      (name) =>
        [
          name,
          "pytest",
          3,
          4,
          1,
          [
            "TestAdder.test_adds_two_numbers @ test_adder.py:14 @ assert -1 == 3",
            "test_reads_deep @ test_adder.py:6 @ KeyError: 'missing'",
            "test_doubles[1] @ test_adder.py:23 @ assert 0 == (2 * 1)",
            "test_with_fixture @ test_adder.py:33 @ RuntimeError: no fixture",
          ],
        ] as [string, string, number, number, number, string[]],
    ),
    [
      "pytest-junit",
      "JUnit XML",
      3,
      4,
      1,
      [
        "test_adder.TestAdder › test_adds_two_numbers @ test_adder.py:14 @ assert -1 == 3",
        "test_adder › test_reads_deep @ adder.py:6 @ KeyError: 'missing'",
        "test_adder › test_doubles[1] @ test_adder.py:23 @ assert 0 == (2 * 1)",
        "test_adder › test_with_fixture @ test_adder.py:33 @ RuntimeError: no fixture",
      ],
    ],
    ...(["go", "go-verbose", "go-json"] as const).map(
      (name) =>
        [
          name,
          "go test",
          name === "go" ? undefined : 2,
          3,
          name === "go" ? 0 : 1,
          [
            "TestAdds/one_and_two @ adder_test.go:15 @ Add(1, 2) = -1, want 3",
            "example.org/adder/broken [build failed] @ broken/broken_test.go:5 @ undefined: undefined",
            "TestPuts @ adder.go:7 @ panic: assignment to entry in nil map",
          ],
        ] as [string, string, number | undefined, number, number, string[]],
    ),
    [
      "cargo",
      "cargo test",
      1,
      2,
      1,
      ["tests::adds_two_numbers @ src/lib.rs:16 @ left: -1", "tests::unwraps @ src/lib.rs:21 @ called `Option::unwrap()` on a `None` value"],
    ],
  ])("reads what %s says", (name, runner, passed, failed, skipped, failures) => {
    const run = readRun(recorded(name), "/workspace");
    expect(run).toMatchObject({ runners: [runner], passed, failed, skipped });
    const told = (run?.failures ?? []).map(({ name: test, file, line, message }) => `${test} @ ${file}:${line} @ ${message}`);
    expect(told).toHaveLength(failures.length);
    for (const failure of failures) {
      const [test, place, words = ""] = failure.split(" @ ");
      expect(
        told.find((line) => line.startsWith(`${test?.trim()} @ ${place} @ `) && line.includes(words)),
        failure,
      ).toBeDefined();
    }
    // No frame of a library or of the runtime, and no path of the sandbox.
    for (const frame of (run?.failures ?? []).flatMap(({ stack }) => stack)) expect(frame).not.toMatch(/node_modules|node:|\/usr\/|\/rustc\/|\/workspace/);
  });

  it("tells expected and received where the runner does", () => {
    const valuesOf = (name: string): unknown => {
      const failure = readRun(recorded(name))?.failures.find((each) => /adds_?\s?two/.test(each.name) || each.name === "one and two");
      return [failure?.expected, failure?.received];
    };
    for (const name of ["node-spec", "node-tap", "vitest", "vitest-tap", "jest", "mocha", "tape", "pytest", "cargo"])
      expect(valuesOf(name), name).toEqual(["3", "-1"]);
  });

  it("knows the tests that passed where the runner lists them", () => {
    expect(readRun(recorded("vitest-verbose"))?.passedNames).toContain("test/sum.test.js › adder › adds nothing");
    expect(readRun(recorded("go-json"))?.passedNames).toEqual(["TestAddsNothing", "TestAdds/zeros"]);
    expect(readRun(recorded("pytest-verbose"))?.passedNames).toContain("TestAdder.test_subtracts_nothing");
    expect(readRun(recorded("node-tap"))?.passedNames).toEqual(["adds nothing", "subtracts nothing", "is a function"]);
  });

  it.each(ALL)("reads %s the same with terminal codes, with Windows' line ends and among other output", (name) => {
    const plain = recorded(name);
    const run = readRun(plain);
    const noise = "Compiling something 1.2.3\nerror: nothing of a test\nok then\n";
    expect(readRun(`${noise}${plain}\n${noise}`)).toEqual(run);
    expect(readRun(plain.replaceAll(/\r?\n/g, "\r\n"))).toEqual(run);
    expect(readRun(plain.replaceAll("\n", "\x1b[0m\n"))).toEqual(run);
    expect(readRun(Buffer.concat([Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from(plain), Buffer.from([0xc3])]))?.failed).toBe(run?.failed);
  });

  it("adds up several runners in one output", () => {
    const run = readRun(["vitest", "pytest", "go-verbose", "cargo"].map(recorded).join("\n"));
    expect(run).toMatchObject({ runners: ["vitest", "pytest", "go test", "cargo test"], passed: 9, failed: 13, skipped: 4 });
    expect(run?.failures).toHaveLength(13);
  });

  it("finds no run where there is none", () => {
    for (const text of ["", "hello\n", "error: it broke\n", "12 passing cars\n", "✖ lint failed\n", "FAIL\n", "<testsuites", "1 passed\n"])
      expect(readRun(text), text).toBeUndefined();
  });

  it("never throws, and never says more than its limits, wherever an output is cut or mixed up", () => {
    const texts = ALL.map(recorded);
    const piece = fc
      .tuple(fc.nat(texts.length - 1), fc.nat(9_000), fc.nat(3_000))
      .map(([index, from, length]) => texts[index]?.slice(from, from + length) ?? "");
    const hostile = fc.constantFrom(
      "<!DOCTYPE x [<!ENTITY a 'b'>]>",
      "<testsuite>",
      "</testsuite>",
      "&a;&#99999999999;",
      "---\n",
      '{"Action":',
      "\u0000\r",
      "TAP version 14\n",
      "  ● ",
      "FAIL  ",
      "E   ",
    );
    const output = fc.array(fc.oneof(piece, hostile, fc.string({ unit: "binary", maxLength: 200 })), { maxLength: 12 });
    fc.assert(
      fc.property(output, (pieces) => {
        const text = pieces.join("");
        const run = readRun(text, "/workspace");
        const limit = 4_000;
        expect(Buffer.byteLength(failureExcerpt(text, run, limit))).toBeLessThanOrEqual(limit);
        if (!run) return;
        expect(Buffer.byteLength(runText(run, 500))).toBeLessThanOrEqual(500);
        expect(run.failures.length).toBeLessThanOrEqual(200);
        for (const { name, message, stack } of run.failures) expect(name.length <= 300 && message.length <= 2_000 && stack.length <= 3).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it.each<[string, (bytes: number) => string]>([
    ["one line", (bytes) => "x".repeat(bytes)],
    ["empty lines", (bytes) => "\n".repeat(bytes / 4)],
    ["failing tests of vitest", (bytes) => " FAIL  a.test.ts > b\n".repeat(bytes / 21)],
    ["points of TAP", (bytes) => `TAP version 14\n${"not ok 1 - a\n  ---\n  error: |-\n".repeat(bytes / 33)}`],
    ["deep suites of JUnit", (bytes) => "<testsuite>".repeat(bytes / 11)],
    ["cases of JUnit", (bytes) => `<testsuite>${'<testcase name="a"><failure message="b"/></testcase>'.repeat(bytes / 52)}</testsuite>`],
    ["openings of jest", (bytes) => `${"  ● a › b\n\n    x\n".repeat(bytes / 17)}Tests:  1 failed, 1 total\n`],
    ["sections of pytest", (bytes) => `${"____ a ____\nE   x\n".repeat(bytes / 18)}1 failed in 1.0s\n`],
    ["events of go", (bytes) => '{"Action":"output","Test":"A","Output":"--- FAIL: A (0.00s)\\n"}\n'.repeat(bytes / 63)],
    ["subtests of go", (bytes) => Array.from({ length: bytes / 40 }, (_, index) => `--- FAIL: T/${index}/a/b/c/d (0.00s)\n`).join("")],
    ["panics of cargo", (bytes) => "---- a stdout ----\nthread 'a' panicked at a.rs:1:1:\n".repeat(bytes / 52)],
    [
      "spaces in blocks",
      (bytes) =>
        ` FAIL  a.test.ts > b\n${`${" ".repeat(1_900)}x\nat ${"a:1".repeat(600)}\n`.repeat(bytes / 3_708)} Test Files  1 failed (1)\n      Tests  1 failed (1)\n`,
    ],
    ["brackets", (bytes) => `${"at ((((((((((((((((((((((((((((((((((".repeat(20)}\n`.repeat(bytes / 740)],
  ])(
    "takes ten megabytes of %s in bounded time",
    (_, make) => {
      const MEGABYTES = 10 * 1_048_576;
      const [small, large] = [make(MEGABYTES / 8), make(MEGABYTES)].map((text) => {
        const startedAtMs = performance.now();
        expect(() => readRun(text)).not.toThrow();
        return performance.now() - startedAtMs;
      });
      // Sixteen times the output takes about as many times as long, and not its square; small times say nothing.
      expect(large).toBeLessThan(Math.max(3_000, 64 * (small ?? 0)));
    },
    60_000,
  );
});

describe("runText", () => {
  it("tells what failed, first things first, and how many more there are", () => {
    const run = readRun(recorded("vitest"), "/workspace");
    if (!run) throw new Error("no run");
    expect(runText(run, 8_000)).toMatch(
      /^4 of 7 tests failed, 1 was skipped \(vitest\):\n\n1\. test\/broken\.test\.js \(test\/broken\.test\.js:1\)\n {3}Error: Cannot find module/,
    );
    const many = { ...run, failed: 100, failures: Array.from({ length: 100 }, (_, index) => ({ name: `test ${index}`, message: "m".repeat(500), stack: [] })) };
    const text = runText(many, 2_000);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2_000);
    expect(text).toMatch(/And \d+ more\.$/);
  });

  it("is followed by the rest of the output, which may explain it", () => {
    const output = `SetupError: the database is not there\n${recorded("pytest")}`;
    const text = failureExcerpt(output, readRun(output));
    expect(text).toMatch(/^4 of 7 tests failed/);
    expect(text).toContain("SetupError: the database is not there");
  });
});
