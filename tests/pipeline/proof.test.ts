import { readFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";

/** Proof of tests and coverage of changed lines, with agents that are shell commands and `node --test` as the gate. */

const CONFIG = "gates:\n  - name: test\n    run: node --test\nrepairs: 1\nchecks:\n  proof: error\n";
const SUM = "exports.sum = (a, b) => a - b;\nexports.twice = (a) => a + a;\n";
const FILES = { ".slipway.yaml": CONFIG, "sum.js": SUM, "package.json": '{ "name": "sum" }\n' };
const MEND = "sed -i 's/a - b/a + b/' sum.js";

function testFile(...cases: ReadonlyArray<readonly [name: string, call: string, value: number]>): string {
  const lines = cases.map(([name, call, value]) => `test("${name}", () => assert.equal(${call}, ${value}));`);
  return ['const test = require("node:test");', 'const assert = require("node:assert");', 'const { sum, twice } = require("./sum.js");', ...lines, ""].join(
    "\n",
  );
}

function writes(path: string, text: string): string {
  return `cat > ${path} <<'END'\n${text}END`;
}

const HONEST = writes("sum.test.js", testFile(["adds", "sum(1, 2)", 3]));
const EMPTY = writes("sum.test.js", testFile(["doubles", "twice(2)", 4]));

const attempts: TestAttempt[] = [];
afterEach(async () => {
  for (const attempt of attempts.splice(0)) await attempt[Symbol.asyncDispose]();
});

async function attemptWith(turns: string[], { files = {}, job = {} }: { files?: Record<string, string>; job?: object } = {}): Promise<TestAttempt> {
  const attempt = await TestAttempt.make({ files: { ...FILES, ...files }, provider: new ProcessProvider(turns), job });
  attempts.push(attempt);
  return attempt;
}

async function failureOf(attempt: TestAttempt): Promise<unknown> {
  return await runAttempt(await attempt.context()).then(
    (outcome) => Promise.reject(new Error(`the attempt ended well: ${JSON.stringify(outcome)}`)),
    (error: unknown) => error,
  );
}

function toldOf(attempt: TestAttempt, name: string): Array<{ passed: boolean; findings: string[] }> {
  return attempt.events.flatMap((event) =>
    event.kind === "check" && event.data.name === name ? [{ passed: event.data.passed, findings: [...event.data.findings] }] : [],
  );
}

test("a test that fails on the base and passes with the change is proof; one beside it that does not is told", async () => {
  const both = writes("sum.test.js", testFile(["adds", "sum(1, 2)", 3], ["doubles", "twice(2)", 4]));
  const attempt = await attemptWith([`${MEND}\n${both}`]);
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(toldOf(attempt, "proof")).toEqual([{ passed: true, findings: ['sum.test.js:5: The test "doubles" passes on the base too.'] }]);
});

test("a test that passes on the base too is refused, and the agent may write a better one", async () => {
  const attempt = await attemptWith([`${MEND}\n${EMPTY}`, HONEST]);
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(toldOf(attempt, "proof")).toEqual([
    { passed: false, findings: [expect.stringMatching(/^sum\.test\.js: Its tests pass on the base too \(the gate test\)/)] },
    { passed: true, findings: [] },
  ]);
});

test("an agent that stays with such a test fails, with the file named; --allow proof lets it land", async () => {
  const attempt = await attemptWith([`${MEND}\n${EMPTY}`, "true"]);
  expect(await failureOf(attempt)).toMatchObject({
    code: "CHECKS_FAILED",
    details: { checks: [{ name: "proof", findings: [expect.stringContaining("sum.test.js")] }] },
  });
  const allowed = await attemptWith([`${MEND}\n${EMPTY}`], { job: { allowChecks: ["proof"] } });
  expect(await runAttempt(await allowed.context())).toMatchObject({ kind: "change" });
  expect(toldOf(allowed, "proof")).toEqual([{ passed: true, findings: [expect.stringContaining("pass on the base too")] }]);
});

test("a base that is red by other tests is no proof of the new ones", async () => {
  const files = { "old.test.js": 'require("node:test")("old", () => require("node:assert").equal(require("./sum.js").sum(2, 2), 4));\n' };
  const attempt = await attemptWith([`${MEND}\n${EMPTY}`, "true"], { files });
  expect(await failureOf(attempt)).toMatchObject({
    code: "CHECKS_FAILED",
    details: { checks: [{ name: "proof", findings: [expect.stringMatching(/the gate test fails, but by none of them: by "old"/)] }] },
  });
});

test("a change of tests alone proves nothing, and no test at all is told", async () => {
  const onlyTests = await attemptWith([EMPTY, "true"]);
  expect(await failureOf(onlyTests)).toMatchObject({
    details: { checks: [{ name: "proof", findings: [expect.stringMatching(/All that is changed are tests \(sum\.test\.js\)/)] }] },
  });
  const none = await attemptWith([MEND]);
  expect(await runAttempt(await none.context())).toMatchObject({ kind: "change" });
  expect(toldOf(none, "proof")).toEqual([{ passed: true, findings: [expect.stringContaining("has no new or changed test")] }]);
});

test("the place of the proof is clean: what the agent left beside its commit is not there", async () => {
  const passesWhereLeft = testFile(["adds", "sum(1, 2)", 3]).replace("() => assert", '() => require("node:fs").existsSync("left") || assert');
  const attempt = await attemptWith([`${MEND}\ntouch left\n${writes("sum.test.js", passesWhereLeft)}`], { files: { ".gitignore": "left\n" } });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(toldOf(attempt, "proof")).toEqual([{ passed: true, findings: [] }]);
  expect(attempt.artifacts.get("proof-test-0.log")?.toString()).toMatch(/✖ adds|not ok 1 - adds/);
});

test("gates that run the tests are named where their names do not tell, and those that they need run before", async () => {
  const gates = [
    "  - { name: made, run: 'echo ready > made' }",
    "  - { name: lint, run: 'true' }",
    "  - { name: unit, run: 'test -f made && node --test', needs: [made] }",
  ];
  const config = ["gates:", ...gates, "repairs: 0", "checks:", "  proof: error", "  proofGates: [unit]", ""].join("\n");
  const attempt = await attemptWith([`${MEND}\n${HONEST}`], { files: { ".slipway.yaml": config, ".gitignore": "made\n" } });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(toldOf(attempt, "proof")).toEqual([{ passed: true, findings: [] }]);
  expect([...attempt.artifacts.keys()].filter((name) => name.startsWith("proof-"))).toEqual(["proof-made-0.log", "proof-unit-0.log"]);
});

test("a restarted worker does not prove again", async () => {
  const attempt = await attemptWith([`${MEND}\n${HONEST}`]);
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  const before = attempt.events.length;
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(attempt.events.length).toBe(before);
});

test("the agent's next prompt begins with the failing tests, and the gate's event has them", async () => {
  const files = {
    "sum.test.js": testFile(["adds", "sum(1, 2)", 3], ["doubles", "twice(2)", 4]),
    ".slipway.yaml": CONFIG.replace("proof: error", "proof: off"),
  };
  const attempt = await attemptWith(["sed -i 's/a - b/a * b/' sum.js", `printf '%s' "$PROMPT" > "$HOME/prompt"\nsed -i 's/a \\* b/a + b/' sum.js`], { files });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  const gates = attempt.events.flatMap((event) => (event.kind === "gate" && event.data.status !== "started" ? [event.data] : []));
  expect(gates.map(({ status, tests }) => [status, tests])).toEqual([
    [
      "failed",
      { runners: [expect.stringMatching(/node:test|TAP/)], passed: 1, failed: 1, skipped: 0, failing: [{ name: "adds", file: "sum.test.js", line: 4 }] },
    ],
    ["passed", expect.objectContaining({ passed: 2, failed: 0, failing: [] })],
  ]);
  expect(await readFile(`${attempt.paths.home}/prompt`, "utf8")).toMatch(/1 of 2 tests failed \((node:test|TAP)\):\n\n1\. adds \(sum\.test\.js:4\)\n/);
});

test("a gate that prints nothing of its tests may name a report that has them; one from before is none", async () => {
  const suite = (failure: string): string => `<testsuite><testcase name="adds" file="sum.test.js">${failure}</testcase></testsuite>`;
  const report = [
    "if grep -q 'a + b' sum.js; then",
    `  printf '%s' '${suite("")}' > out.xml; else`,
    `  printf '%s' '${suite('<failure message="expected 3, got -1">sum.test.js:4</failure>')}' > out.xml; exit 1; fi`,
  ].join("\n");
  const files = {
    "run.sh": `[ ! -e out.xml ] || exit 9\n${report}\n`,
    ".gitignore": "out.xml\n",
    ".slipway.yaml": "gates:\n  - { name: test, run: sh run.sh, report: out.xml }\n",
  };
  const attempt = await attemptWith([`echo forged > out.xml; echo x > x`, `printf '%s' "$PROMPT" > "$HOME/prompt"\n${MEND}`], { files });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  const gates = attempt.events.flatMap((event) => (event.kind === "gate" && event.data.status !== "started" ? [event.data] : []));
  expect(gates.map(({ status, tests }) => [status, tests?.runners, tests?.failing])).toEqual([
    ["failed", ["JUnit XML"], [expect.objectContaining({ name: "adds", file: "sum.test.js" })]],
    ["passed", ["JUnit XML"], []],
  ]);
  expect(await readFile(`${attempt.paths.home}/prompt`, "utf8")).toContain("1 of 1 test failed (JUnit XML):");
});

const COVERAGE = [
  "gates:",
  "  - name: test",
  "    run: node --test --experimental-test-coverage --test-reporter=lcov --test-reporter-destination=lcov.info --test-reporter=spec --test-reporter-destination=stdout",
  "    coverage: lcov.info",
  "repairs: 1",
  "checks:",
  "  coverage: error",
  "  limits: { coveragePercent: 80 }",
  "",
].join("\n");
const IGNORED = { ".gitignore": "lcov.info\n", ".slipway.yaml": COVERAGE };
const UNTESTED = "printf 'exports.thrice = (a) => {\\n  const two = a + a;\\n  return two + a;\\n};\\n' >> sum.js";
const THRICE = writes("thrice.test.js", 'require("node:test")("trebles", () => require("node:assert").equal(require("./sum.js").thrice(2), 6));\n');

test("changed lines that no test runs are refused, with their places; tests that run them land", async () => {
  const attempt = await attemptWith([`${MEND}\n${HONEST}\n${UNTESTED}`, THRICE], { files: IGNORED });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(toldOf(attempt, "coverage")).toEqual([
    { passed: false, findings: ["Tests run 3 of 5 changed lines, 60 %; at least 80 % have to be.", "sum.js: No test runs line 4-5."] },
    { passed: true, findings: [] },
  ]);
  expect(JSON.parse(attempt.artifacts.get("coverage-1.json")?.toString() ?? "")).toMatchObject({ covered: 5, coverable: 5, percent: 100 });
});

test("a report that is a link, or is left from before, is none", async () => {
  const files = { ...IGNORED, ".slipway.yaml": COVERAGE.replace(/run: .*/, "run: '[ -f go.sh ] && sh go.sh'"), "go.sh": "true\n" };
  const forged = "printf 'SF:sum.js\\nDA:1,1\\nend_of_record\\n' > lcov.info";
  const old = await attemptWith([`${MEND}\n${forged}`, "true"], { files });
  expect(await failureOf(old)).toMatchObject({
    details: { checks: [{ name: "coverage", findings: [expect.stringMatching(/^lcov\.info: The report that the gate test should leave is not there/)] }] },
  });
  const link = await attemptWith([`${MEND}\nprintf 'SF:sum.js\\nDA:1,1\\nend_of_record\\n' > forged`, "true"], {
    files: { ...files, ".gitignore": "lcov.info\nforged\n", "go.sh": "ln -s forged lcov.info\n" },
  });
  expect(await failureOf(link)).toMatchObject({ code: "CHECKS_FAILED" });
});
