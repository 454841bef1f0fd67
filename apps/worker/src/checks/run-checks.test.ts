import type { FileDiff } from "@slipway/git/diff";
import { type CheckName, checksSchema } from "@slipway/protocol/checks";
import { type Gate, gateSchema } from "@slipway/protocol/gates";
import { diffArrays } from "diff";
import { expect, test } from "vitest";
import { runChecks } from "./run-checks.ts";

/** Files as a change has them: before and after, null where there is none. */
type Files = Record<string, readonly [before: string | null, after: string | null]>;

function fileOf(path: string, before: string | null, after: string | null): FileDiff {
  const added: Array<{ number: number; text: string }> = [];
  const removed: Array<{ number: number; text: string }> = [];
  let [oldLine, newLine] = [1, 1];
  const linesOf = (text: string | null): string[] => (text === null || text === "" ? [] : text.replace(/\n$/, "").split("\n"));
  for (const part of diffArrays(linesOf(before), linesOf(after))) {
    for (const text of part.value) {
      if (part.added) added.push({ number: newLine, text });
      else if (part.removed) removed.push({ number: oldLine, text });
      if (!part.added) oldLine += 1;
      if (!part.removed) newLine += 1;
    }
  }
  const status = before === null ? "added" : after === null ? "deleted" : "modified";
  const sizeBytes = Buffer.byteLength(after ?? before ?? "");
  return {
    path,
    status,
    mode: "100644",
    sizeBytes,
    isBinary: false,
    before: before ?? undefined,
    after: after ?? undefined,
    added,
    removed,
    isTooLarge: false,
  };
}

interface Given {
  readonly checks?: object;
  readonly gates?: ReadonlyArray<Pick<Gate, "name" | "run" | "cwd">>;
  readonly allowed?: readonly CheckName[];
}

/** What is refused and what is told, each line with its check's name. */
async function check(files: Files | readonly FileDiff[], given: Given = {}): Promise<{ errors: string[]; warnings: string[] }> {
  const diffs = Array.isArray(files) ? files : Object.entries(files).map(([path, [before, after]]) => fileOf(path, before, after));
  const gates = (given.gates ?? []).map((gate) => gateSchema.parse(gate));
  const results = await runChecks(diffs, { checks: checksSchema.parse(given.checks ?? {}), gates }, new Set(given.allowed), async () =>
    diffs.flatMap(({ path, after }) => (/test/.test(path) && after !== undefined ? [{ path, text: after }] : [])),
  );
  return {
    errors: results.flatMap(({ name, errors }) => errors.map((text) => `${name}: ${text}`)),
    warnings: results.flatMap(({ name, warnings }) => warnings.map((text) => `${name}: ${text}`)),
  };
}

const SUM_TEST = `import { expect, test } from "vitest";
import { sum } from "./sum.js";

test("adds two numbers", () => {
  expect(sum(20, 22)).toBe(42);
  expect(sum(-5, 15)).toBe(10);
});

test("adds nothing", () => {
  expect(sum()).toBe(0);
});
`;
const PY_TEST =
  "import pytest\nfrom sums import total\n\n\ndef test_total():\n    assert total([20, 22]) == 42\n    assert total([]) == 0\n\n\ndef test_refuses():\n    with pytest.raises(TypeError):\n        total(None)\n";
const GO_TEST = 'package sums\n\nimport "testing"\n\nfunc TestSum(t *testing.T) {\n\tif got := Sum(20, 22); got != 42 {\n\t\tt.Fatalf("got %d", got)\n\t}\n}\n';

const RUST_TEST = "use sums::sum;\n\n#[test]\nfn adds() {\n    assert_eq!(sum(&[20, 22]), 42);\n}\n";
const JAVA_TEST = "class SumTest {\n  @Test\n  void adds() {\n    assertEquals(42, sum(20, 22));\n  }\n}\n";
const RUBY_TEST = 'describe "sum" do\n  it "adds" do\n    expect(sum(20, 22)).to eq(42)\n  end\nend\n';
const PY_CLASS = "from sums import total\n\n\nclass TestTotal:\n    def test_total(self):\n        assert total([20, 22]) == 42\n";

/** A test file that was `before`, with one text in place of another. */
const edited = (path: string, before: string, from: string, to: string): Files => ({ [path]: [before, before.replace(from, to)] });

test.each<[string, Files, RegExp]>([
  [
    "a test file is deleted",
    { "sum.test.ts": [SUM_TEST, null] },
    /^tests: sum\.test\.ts: The file is deleted, and with it 2 tests: "adds two numbers", "adds nothing"\.$/,
  ],
  ["a test is removed", edited("sum.test.ts", SUM_TEST, SUM_TEST.slice(SUM_TEST.indexOf('test("adds nothing"')), ""), /removes the test "adds nothing"/],
  [
    "a test is replaced by a trivial one",
    edited("sum.test.ts", SUM_TEST, '"adds nothing", () => {\n  expect(sum()).toBe(0);', '"is there", () => {\n  expect(sum).toBeDefined();'),
    /removes the test "adds nothing"/,
  ],
  ["a test is skipped", edited("sum.test.ts", SUM_TEST, 'test("adds two', 'test.skip("adds two'), /^tests: sum\.test\.ts:4: A test is skipped/],
  ["a test is skipped by an option", edited("sum.test.js", SUM_TEST, '"adds nothing", () =>', '"adds nothing", { skip: true }, () =>'), /A test is skipped/],
  ["one test is run alone", edited("sum.test.ts", SUM_TEST, 'test("adds two', 'test.only("adds two'), /run alone/],
  [
    "an assertion is deleted",
    edited("sum.test.ts", SUM_TEST, "  expect(sum(-5, 15)).toBe(10);\n", ""),
    /Of 2 assertions of the test "adds two numbers", 1 are left/,
  ],
  ["all assertions are deleted", edited("sum.test.ts", SUM_TEST, "  expect(sum()).toBe(0);", "  sum();"), /All assertions of the test "adds nothing" are gone/],
  [
    "an assertion is weakened",
    edited("sum.test.ts", SUM_TEST, "expect(sum(20, 22)).toBe(42)", "expect(sum(20, 22)).toBeDefined()"),
    /An assertion of the test "adds two numbers" is weaker/,
  ],
  ["an assertion is made empty", edited("sum.test.ts", SUM_TEST, "expect(sum()).toBe(0)", "expect(true).toBe(true)"), /holds whatever the code does/],
  [
    "a test is turned into a comment",
    edited(
      "sum.test.ts",
      SUM_TEST,
      'test("adds nothing", () => {\n  expect(sum()).toBe(0);\n});',
      '// test("adds nothing", () => {\n//   expect(sum()).toBe(0);\n// });',
    ),
    /turned into a comment/,
  ],
  [
    "python: a test is skipped",
    edited("tests/test_sums.py", PY_TEST, "def test_total", '@pytest.mark.skip(reason="flaky")\ndef test_total'),
    /test_sums\.py:5: A test is skipped/,
  ],
  [
    "python: an assertion is weakened",
    edited("tests/test_sums.py", PY_TEST, "assert total([20, 22]) == 42", "assert total([20, 22]) is not None"),
    /"test_total" is weaker/,
  ],
  ["python: a test is gone", edited("tests/test_sums.py", PY_TEST, PY_TEST.slice(PY_TEST.indexOf("def test_refuses")), ""), /removes the test "test_refuses"/],
  ["a suite runs on a condition", edited("sum.test.ts", SUM_TEST, 'test("adds two', 'test.runIf(false)("adds two'), /A test is skipped/],
  [
    "a test is meant to fail",
    edited("sum.test.ts", SUM_TEST, '"adds nothing", () =>', '"adds nothing", { fails: true }, () =>'),
    /A test is skipped, or meant to fail/,
  ],
  ["a table of cases is emptied", edited("sum.test.ts", SUM_TEST, 'test("adds two numbers"', 'test.each([])("adds two numbers"'), /A test is skipped/],
  ["tests are put behind a condition", edited("sum.test.ts", SUM_TEST, 'test("adds two', 'if (false) test("adds two'), /A test is skipped/],
  [
    "tests are put into a block comment",
    { "sum.test.ts": [SUM_TEST, `${SUM_TEST.replace('test("adds nothing"', '/*\ntest("adds nothing"')}*/\n`] },
    /removes the test "adds nothing"/,
  ],
  ["an assertion loses its matcher", edited("sum.test.ts", SUM_TEST, "expect(sum(20, 22)).toBe(42);", "expect(sum(20, 22));"), /"adds two numbers" is weaker/],
  [
    "a value is compared with itself",
    edited("sum.test.ts", SUM_TEST, "expect(sum()).toBe(0)", "const is = sum();\n  expect(is).toBe(is)"),
    /holds whatever the code does/,
  ],
  [
    "an assertion is or-ed with true",
    edited("sum.test.ts", SUM_TEST, "expect(sum()).toBe(0)", "expect(sum() === 0 || true).toBe(true)"),
    /holds whatever the code does/,
  ],
  [
    "a failure is caught",
    edited("sum.test.ts", SUM_TEST, "  expect(sum()).toBe(0);", "  try { expect(sum()).toBe(0); } catch {}"),
    /would be taken as a success/,
  ],
  [
    "a test ends the run",
    edited("sum.test.ts", SUM_TEST, "  expect(sum()).toBe(0);", "  expect(sum()).toBe(0);\n  process.exit(0);"),
    /would be taken as a success/,
  ],
  [
    "a test returns first",
    edited("sum.test.ts", SUM_TEST, '"adds nothing", () => {\n', '"adds nothing", () => {\n  return;\n'),
    /"adds nothing" returns before it has asserted all/,
  ],
  [
    "python: a whole file is skipped",
    edited("tests/test_sums.py", PY_TEST, "\n\n\ndef test_total", "\n\npytestmark = pytest.mark.skip\n\n\ndef test_total"),
    /A test is skipped/,
  ],
  [
    "python: an assertion is or-ed with True",
    edited("tests/test_sums.py", PY_TEST, "assert total([]) == 0", "assert total([]) == 0 or True"),
    /holds whatever/,
  ],
  [
    "python: a class is not collected any more",
    edited("tests/test_total.py", PY_CLASS, "class TestTotal", "class TotalChecks"),
    /A test loses what tells the runner/,
  ],
  [
    "python: a test is put into a text",
    { "tests/test_sums.py": [PY_TEST, `${PY_TEST.replace("def test_refuses", '"""\ndef test_refuses')}"""\n`] },
    /removes the test "test_refuses"/,
  ],
  [
    "python: a test returns first",
    edited("tests/test_sums.py", PY_TEST, "def test_total():\n", "def test_total():\n    return\n"),
    /"test_total" returns before/,
  ],
  [
    "go: a build tag takes the file away",
    edited("sums_test.go", GO_TEST, "package sums", "//go:build never\n\npackage sums"),
    /sums_test\.go:1: A test is skipped/,
  ],
  ["rust: a test loses its attribute", edited("tests/sums.rs", RUST_TEST, "#[test]\n", ""), /A test loses what tells the runner/],
  ["rust: a test is meant to panic", edited("tests/sums.rs", RUST_TEST, "#[test]\n", "#[test]\n#[should_panic]\n"), /meant to fail/],
  [
    "java: a test is switched off by its system",
    edited("src/test/SumTest.java", JAVA_TEST, "  @Test\n", "  @Test\n  @DisabledOnOs(LINUX)\n"),
    /A test is skipped/,
  ],
  ["java: a test loses its annotation", edited("src/test/SumTest.java", JAVA_TEST, "  @Test\n", ""), /A test loses what tells the runner/],
  ["ruby: a test is skipped by its metadata", edited("spec/sum_spec.rb", RUBY_TEST, '"adds" do', '"adds", :skip do'), /A test is skipped/],
  ["go: a test is skipped", edited("sums_test.go", GO_TEST, "{\n\tif got", '{\n\tt.Skip("later")\n\tif got'), /A test is skipped/],
  ["go: the assertion is gone", edited("sums_test.go", GO_TEST, 't.Fatalf("got %d", got)', "_ = got"), /All assertions of the test "TestSum" are gone/],
  [
    "the answer of a test is hard-coded",
    {
      "sum.test.ts": [SUM_TEST, SUM_TEST],
      "sum.ts": ["export const sum = (...n) => 0;\n", "export function sum(...n) {\n  if (n[0] === 20) return 42;\n  return 0;\n}\n"],
    },
    /sum\.ts:2: The code looks for `20` and answers `42`/,
  ],
  [
    "python: the answer of a test is hard-coded",
    { "tests/test_sums.py": [null, PY_TEST], "sums.py": [null, "def total(n):\n    if n == [20, 22]:\n        return 42\n    return 0\n"] },
    /sums\.py:2: The code looks for `20` and answers `(22|42)`/,
  ],
])("cheating: %s", async (_, files, expected) => {
  const { errors } = await check(files);
  expect(errors.join("\n")).toMatch(expected);
});

test.each<[string, Files]>([
  [
    "a test is added",
    edited("sum.test.ts", SUM_TEST, 'test("adds nothing"', 'test("adds one", () => {\n  expect(sum(7)).toBe(7);\n});\n\ntest("adds nothing"'),
  ],
  ["a test moves to another file", { "sum.test.ts": [SUM_TEST, null], "src/sum.test.ts": [null, SUM_TEST.replace("./sum.js", "../sum.js")] }],
  ["a test gets another name", edited("sum.test.ts", SUM_TEST, '"adds two numbers"', '"adds two numbers, and negative ones"')],
  ["a test is stricter", edited("sum.test.ts", SUM_TEST, "expect(sum()).toBe(0);", "expect(sum()).toBe(0);\n  expect(sum(1)).toBe(1);")],
  ["a test is no longer skipped", { "sum.test.ts": [SUM_TEST.replace('test("adds two', 'test.skip("adds two'), SUM_TEST] }],
  ["a file without tests is deleted", { "test/fixtures/names.json": ["[]\n", null], "test/helper.ts": ["export const x = 1;\n", null] }],
  [
    "a condition inside of a test returns",
    edited(
      "sum.test.ts",
      SUM_TEST,
      "  expect(sum()).toBe(0);",
      "  const values = [1].map((one) => {\n    return one;\n  });\n  expect(sum()).toBe(0);\n  expect(values).toEqual([1]);",
    ),
  ],
  [
    "a comment of several lines stands between tests",
    edited("sum.test.ts", SUM_TEST, 'test("adds nothing"', '/*\n * Nothing is nothing.\n */\ntest("adds nothing"'),
  ],
  [
    "python: a test gets a description",
    edited("tests/test_sums.py", PY_TEST, "def test_total():\n", 'def test_total():\n    """\n    All of them.\n    """\n'),
  ],
  ["rust: a test is added", edited("tests/sums.rs", RUST_TEST, "#[test]", "#[test]\nfn one() {\n    assert_eq!(sum(&[1]), 1);\n}\n\n#[test]")],
  ["python: a test is added", edited("tests/test_sums.py", PY_TEST, "def test_refuses", "def test_one():\n    assert total([7]) == 7\n\n\ndef test_refuses")],
  [
    "the sum is right",
    {
      "sum.test.ts": [null, SUM_TEST],
      "sum.ts": ["export const sum = (...n) => 0;\n", "export function sum(...numbers) {\n  return numbers.reduce((a, b) => a + b, 0);\n}\n"],
    },
  ],
  [
    "a table of many",
    {
      "roman.test.ts": [null, 'test("x", () => {\n  expect(roman(40)).toBe("XL");\n  expect(roman(90)).toBe("XC");\n});\n'],
      "roman.ts": [
        null,
        "const T = [\n  [1000, 'M'],\n  [900, 'CM'],\n  [500, 'D'],\n  [400, 'CD'],\n  [100, 'C'],\n  [90, 'XC'],\n  [50, 'L'],\n  [40, 'XL'],\n];\n",
      ],
    },
  ],
])("honest: %s", async (_, files) => {
  expect(await check(files)).toEqual({ errors: [], warnings: [] });
});

test("what a test expects may change with the task: it is told", async () => {
  const { errors, warnings } = await check(edited("sum.test.ts", SUM_TEST, "expect(sum()).toBe(0)", "expect(sum()).toBe(null)"));
  expect(errors).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining('What the test "adds nothing" expects is changed: `expect(sum()).toBe(0);` was there.')]);
});

test("what a job allows is told, and refuses nothing; what is off is not looked for", async () => {
  const files: Files = { "sum.test.ts": [SUM_TEST, null], ".github/workflows/ci.yml": ["on: push\n", "on: []\n"] };
  expect((await check(files)).errors).toEqual([expect.stringMatching(/^guarded: /), expect.stringMatching(/^tests: /)]);
  const { errors, warnings } = await check(files, { allowed: ["tests"] });
  expect([errors, warnings]).toEqual([[expect.stringMatching(/^guarded: \.github/)], [expect.stringMatching(/^tests: /)]]);
  expect(await check(files, { checks: { tests: "off", guarded: "warning" } })).toMatchObject({ errors: [], warnings: [expect.stringMatching(/^guarded: /)] });
});

const GATES = [
  { name: "test", run: "npm test" },
  { name: "lint", run: "sh scripts/lint.sh --all && make check" },
  { name: "inner", run: "sh check.sh", cwd: "packages/api" },
  { name: "read", run: "cat src/sum.js; grep -qx 2 sum.txt | node main.js; CI=1 node --test scripts/verify.mjs && ! ./bin/gate" },
];
const PACKAGE = '{\n  "scripts": { "test": "vitest run", "start": "node ." }\n}\n';

test.each<[string, Files, RegExp | undefined]>([
  [
    "the script of a gate",
    { "package.json": [PACKAGE, PACKAGE.replace("vitest run", "true")] },
    /The script `test`, which the gate test runs, is changed: `true`/,
  ],
  [
    "what runs before the script of a gate",
    { "package.json": [PACKAGE, PACKAGE.replace('"start"', '"pretest": "rm -r test", "start"')] },
    /The script `pretest`/,
  ],
  ["another script", { "package.json": [PACKAGE, PACKAGE.replace("node .", "node main.js")] }, undefined],
  ["a dependency", { "package.json": [PACKAGE, PACKAGE.replace("}\n}", '},\n  "dependencies": { "a": "1" }\n}')] }, undefined],
  ["a file that a gate runs", { "scripts/lint.sh": ["exit 1\n", "exit 0\n"] }, /The gate lint runs this file, and it is modified/],
  ["a file that a gate runs in a folder of its own", { "packages/api/check.sh": ["exit 1\n", "exit 0\n"] }, /The gate inner runs this file/],
  ["a file of that name elsewhere", { "check.sh": ["exit 1\n", "exit 0\n"] }, undefined],
  ["what a gate reads", { "src/sum.js": ["a\n", "b\n"], "sum.txt": ["1\n", "2\n"], "main.js": ["a\n", "b\n"] }, undefined],
  ["a program that checks, in another language", { "scripts/verify.mjs": ["a\n", "b\n"] }, /The gate read runs this file/],
  ["a program that a gate runs by its name", { "bin/gate": ["a\n", "b\n"] }, /The gate read runs this file/],
  ["the Makefile of a gate", { Makefile: ["check:\n\tfalse\n", "check:\n"] }, /The gate lint runs this file/],
  ["the repository's own settings", { ".slipway.yaml": ["gates: []\n", "{}\n"] }, /\.slipway\.yaml: What judges the change is modified/],
  [
    "the settings of a test runner, new",
    { "vitest.config.ts": [null, "export default { test: { exclude: ['**'] } };\n"] },
    /vitest\.config\.ts: What judges the change is added/,
  ],
  ["the instructions of agents", { "packages/a/AGENTS.md": ["Be good.\n", "\n"] }, /AGENTS\.md/],
  ["a program beside it", { "scripts/build.sh": ["exit 1\n", "exit 0\n"] }, undefined],
])("guarded: %s", async (_, files, expected) => {
  const { errors } = await check(files, { gates: GATES });
  if (expected) expect(errors.join("\n")).toMatch(expected);
  else expect(errors).toEqual([]);
});

test("secrets: only those in added lines, without their value", async () => {
  // Made up here, and put together so that no scanner takes this file for one that holds a key.
  const key = ["AKIA", "Z7QHNTESTKEY2345"].join("");
  const secret = ["wJalrXUtnFEMI", "K7MDENGbPxRfiCYzAbCdEfGhI1"].join("/");
  const text = `aws_access_key_id = "${key}"\nAWS_SECRET_ACCESS_KEY="${secret}"\n`;
  const { errors } = await check({ "config.ini": ["# settings\n", `# settings\n${text}`] });
  expect(errors.join("\n")).toMatch(/^secrets: config\.ini:[23]: It looks like a secret/m);
  expect(errors.join("\n")).not.toContain(secret);
  expect(await check({ "config.ini": [text, `${text}# more\n`] })).toEqual({ errors: [], warnings: [] });
  expect(await check({ "config.ini": ["", "key = os.environ['AWS_SECRET_ACCESS_KEY']\n"] })).toEqual({ errors: [], warnings: [] });
});

test("merge markers are found, underlines of headings are not", async () => {
  const { errors } = await check({ a: ["x\n", "<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> other\n"], "b.rst": [null, "Title\n=======\n"] });
  expect(errors).toEqual(["conflicts: a:1: A merge's marker was left: `<<<<<<< HEAD`.", "conflicts: a:5: A merge's marker was left: `>>>>>>> other`."]);
});

test("damage to line endings, trailing spaces and the last line feed is told", async () => {
  const { warnings } = await check({ a: ["x\ny\n", "x\r\ny\r\n"], b: ["x\ny\n", "x\ny  \nz"], "c.md": ["x\n", "x  \ny\n"], d: ["x\r\ny\n", "x\r\nz\n"] });
  expect(warnings).toEqual([
    "whitespace: a: The lines of the file ended in LF, and now end in CRLF.",
    "whitespace: b:2: The line ends in spaces or tabs.",
    "whitespace: b: The last line of the file lost its line feed.",
  ]);
});

test("binary files, build outputs, generated files, and too much of all", async () => {
  const binary = (path: string): FileDiff => ({ ...fileOf(path, null, ""), isBinary: true, sizeBytes: 5_000 });
  expect((await check([binary("tool"), binary("logo.png")])).errors).toEqual(["binaries: tool: A binary file is added, 5 KiB: nobody can read what is in it."]);
  const generated = await check({
    "dist/a.js": [null, "a\n"],
    "src/schema.ts": ["// @generated by x\nlet a;\n", "// @generated by x\nlet b;\n"],
    "src/dist.ts": [null, "a\n"],
  });
  expect(generated.warnings).toEqual([expect.stringContaining("dist/a.js"), expect.stringContaining("src/schema.ts")]);
  const limits = { files: 1, lines: 3, fileKib: 1 };
  const { errors } = await check({ a: ["1\n2\n", "3\n4\n"], b: [null, `${"x".repeat(1_500)}\n`] }, { checks: { limits } });
  expect(errors).toEqual([
    "size: 2 files are changed; at most 1 may be.",
    "size: 5 lines are added and removed; at most 3 may be.",
    "size: b: The file has 2 KiB; at most 1 may be.",
  ]);
  expect(
    (await check([{ ...fileOf("big.txt", null, ""), isTooLarge: true, sizeBytes: 1_100_000 }], { checks: { limits: { fileKib: 5_000 } } })).warnings,
  ).toEqual([expect.stringContaining("too large for its lines to be checked")]);
});

const LOCK = '{\n  "packages": {\n    "node_modules/a": { "resolved": "https://registry.npmjs.org/a/-/a-1.tgz" }\n  }\n}\n';

test.each<[string, Files, RegExp | undefined]>([
  ["alone", { "package-lock.json": [LOCK, LOCK.replace("a-1", "a-2")] }, /The lockfile changes, and none of package\.json/],
  ["with its manifest", { "package-lock.json": [LOCK, LOCK.replace("a-1", "a-2")], "package.json": ["{}\n", "{ }\n"] }, undefined],
  ["with the manifest of a workspace", { "package-lock.json": [LOCK, LOCK.replace("a-1", "a-2")], "packages/a/package.json": ["{}\n", "{ }\n"] }, undefined],
  [
    "another host",
    { "package-lock.json": [LOCK, LOCK.replace("registry.npmjs.org/a/-/a-1", "evil.example/a")], "package.json": ["{}\n", "{ }\n"] },
    /takes a package from evil\.example/,
  ],
  ["deleted", { "go.sum": ["a v1 h1:x\n", null] }, /The lockfile is deleted/],
  ["replaced by that of another program", { "package-lock.json": [LOCK, null], "pnpm-lock.yaml": [null, "lockfileVersion: 9\n"] }, undefined],
])("a lockfile: %s", async (_, files, expected) => {
  const { errors } = await check(files);
  if (expected) expect(errors.join("\n")).toMatch(expected);
  else expect(errors).toEqual([]);
});

test("lines without an end take no time", async () => {
  const long = "it(".repeat(300_000);
  const startedAtMs = performance.now();
  await check({ "a.test.ts": ["x\n", `${long}\n${"expect(".repeat(100_000)}\n`], "a.ts": [null, `${"'aa'===".repeat(100_000)}\n`] });
  expect(performance.now() - startedAtMs).toBeLessThan(5_000);
});

test("changed and deleted snapshots are told, new ones are not", async () => {
  const files: Files = { "__snapshots__/a.test.ts.snap": ["a\n", "b\n"], "b.snap": ["a\n", null], "c.snap": [null, "c\n"] };
  const { errors, warnings } = await check(files);
  expect([errors, warnings]).toEqual([
    [],
    ["tests: __snapshots__/a.test.ts.snap: What snapshots expect is changed.", "tests: b.snap: What snapshots expect is deleted."],
  ]);
});
