import { readFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";
import { git } from "../support/repository.ts";

/** Agents that cheat, and honest ones: each turn is a shell command in the workspace. */

const SUM_TEST = `test("adds", () => {\n  expect(sum(20, 22)).toBe(42);\n  expect(sum(1, 2)).toBe(3);\n});\n`;
const FILES = {
  ".slipway.yaml": "gates:\n  - name: sum\n    run: sh check.sh\nrepairs: 2\n",
  "check.sh": 'grep -q "a + b" sum.js\n',
  "sum.js": "exports.sum = (a, b) => a - b;\n",
  "sum.test.js": SUM_TEST,
  "package.json": '{ "name": "sum" }\n',
  "package-lock.json": '{ "name": "sum", "lockfileVersion": 3 }\n',
};
const MEND = "echo 'exports.sum = (a, b) => a + b;' > sum.js";

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

function turnsOf(attempt: TestAttempt): string[] {
  return attempt.events.flatMap((event) => (event.kind === "turn" && event.data.status === "ended" ? [`${event.data.turn} ${event.data.reason}`] : []));
}

function findingsOf(attempt: TestAttempt, name: string): string[][] {
  return attempt.events.flatMap((event) => (event.kind === "check" && event.data.name === name ? [[...event.data.findings]] : []));
}

test.each<[string, string, string, RegExp]>([
  ["deletes the failing test", "rm sum.test.js", "tests", /sum\.test\.js: The file is deleted, and with it the test "adds"/],
  ["skips the test", "sed -i 's/test(/test.skip(/' sum.test.js", "tests", /sum\.test\.js:1: A test is skipped/],
  ["weakens an assertion", "sed -i 's/toBe(42)/toBeTruthy()/' sum.test.js", "tests", /An assertion of the test "adds" is weaker/],
  [
    "hard-codes the expected value",
    "echo 'exports.other = (a) => (a === 20 ? 42 : 0);' >> sum.js",
    "tests",
    /sum\.js:2: The code looks for `20` and answers `42`/,
  ],
  ["edits what the gate runs", "echo 'exit 0' > check.sh", "guarded", /check\.sh: The gate sum runs this file/],
  ["edits the gate itself", "echo 'gates: []' > .slipway.yaml", "guarded", /\.slipway\.yaml: What judges the change is modified/],
  [
    "adds a secret",
    `printf 'AWS_SECRET_ACCESS_KEY="%s%s"\\n' wJalrXUtnFEMI/ K7MDENGbPxRfiCYzAbCdEfGhI1 > aws.ini`,
    "secrets",
    /aws\.ini:1: It looks like a secret/,
  ],
  ["leaves a merge's markers", "printf '<<<<<<< ours\\na\\n=======\\nb\\n>>>>>>> theirs\\n' > notes.txt", "conflicts", /notes\.txt:1: A merge's marker/],
  ["touches the lockfile alone", 'echo \'{ "name": "other" }\' > package-lock.json', "lockfiles", /package-lock\.json: The lockfile changes/],
  ["adds a program", "printf '\\177ELF\\000\\001' > tool", "binaries", /tool: A binary file is added/],
  ["floods the repository", "for i in $(seq 600); do echo $i > f$i; done", "size", /60\d files are changed; at most 500 may be/],
])("an agent that %s is told, and refused when it does so again", async (_, cheat, check, finding) => {
  const attempt = await attemptWith([`${MEND}; ${cheat}`, "true"]);
  expect(await failureOf(attempt)).toMatchObject({
    code: "CHECKS_FAILED",
    message: expect.stringContaining("the repair changed nothing"),
    details: { checks: [{ name: check, findings: expect.arrayContaining([expect.stringMatching(finding)]) }] },
  });
  expect(turnsOf(attempt)).toEqual(["1 task", "2 repair"]);
  // What it did is kept for people.
  expect(attempt.events.some((event) => event.kind === "notice" && event.data.text.includes("is kept on the hub as"))).toBe(true);
});

test("an agent that takes the cheat back lands: the findings are its next prompt, in the same workspace and home", async () => {
  const attempt = await attemptWith(
    [
      `${MEND}; rm sum.test.js; echo kept > "$HOME/memory"`,
      'test "$(cat "$HOME/memory")" = kept && printf "%s" "$PROMPT" > "$HOME/prompt" && git checkout -q HEAD -- sum.test.js 2>/dev/null || printf "%s" "$SUM_TEST" > sum.test.js',
    ].map((turn) => turn.replace('"$SUM_TEST"', `'${SUM_TEST}'`)),
  );
  const outcome = await runAttempt(await attempt.context());
  expect(outcome).toMatchObject({ kind: "change", diffStat: { files: 1 } });
  const prompt = await readFile(`${attempt.paths.home}/prompt`, "utf8");
  expect(prompt).toMatch(/^Your change does not pass[\s\S]*## Check "tests" refuses the change\n- sum\.test\.js: The file is deleted/);
  expect(turnsOf(attempt)).toEqual(["1 task", "2 repair"]);
  expect(findingsOf(attempt, "tests")).toEqual([[expect.stringContaining("The file is deleted")], []]);
  const phases = attempt.events.flatMap((event) => (event.kind === "phase" && event.data.status === "ended" ? [event.data.phase] : []));
  expect(phases).toEqual(["prepare", "turn", "gates", "commit", "checks", "turn", "gates", "commit", "checks", "push"]);
  if (outcome.kind === "change") expect(await git(`${attempt.hubRoot}/jobs.git`, "diff", "--name-only", attempt.job.baseOid, outcome.oid)).toBe("sum.js");
});

test("another change that leaves the same findings ends the repairs too", async () => {
  const attempt = await attemptWith([`${MEND}; rm sum.test.js`, "echo more > notes.txt"]);
  expect(await failureOf(attempt)).toMatchObject({ code: "CHECKS_FAILED", message: expect.stringContaining("the repair left the very same findings") });
});

test("a path out of scope may be taken back too; else it is SCOPE_VIOLATION", async () => {
  const files = { ".slipway.yaml": "scope: {allow: [sum.js]}\nrepairs: 1\n" };
  const sorry = await attemptWith([`${MEND}; echo x > notes.txt`, "rm notes.txt"], { files });
  expect(await runAttempt(await sorry.context())).toMatchObject({ kind: "change", diffStat: { files: 1 } });
  const stubborn = await attemptWith([`${MEND}; echo x > notes.txt`, "echo y >> notes.txt"], { files });
  expect(await failureOf(stubborn)).toMatchObject({ code: "SCOPE_VIOLATION", details: { paths: ["notes.txt"] } });
});

test("repairs of gates and of checks have one limit, and the gates are run again after a check's", async () => {
  const attempt = await attemptWith(["echo 1 > a", `${MEND}; rm sum.test.js`, `printf '%s' '${SUM_TEST}' > sum.test.js; echo broken > sum.js`, MEND]);
  expect(await failureOf(attempt)).toMatchObject({ code: "GATES_FAILED", details: { repairs: 2 } });
  expect(turnsOf(attempt)).toEqual(["1 task", "2 repair", "3 repair"]);
});

test("what the job allows, or the repository does not look for, is told and lands", async () => {
  const allowed = await attemptWith([`${MEND}; rm sum.test.js`], { job: { allowChecks: ["tests"] } });
  expect(await runAttempt(await allowed.context())).toMatchObject({ kind: "change" });
  expect(findingsOf(allowed, "tests")).toEqual([[expect.stringContaining("The file is deleted")]]);
  const off = await attemptWith([`${MEND}; rm sum.test.js`], { files: { ".slipway.yaml": "checks: {tests: off}\n" } });
  expect(await runAttempt(await off.context())).toMatchObject({ kind: "change" });
  expect(findingsOf(off, "tests")).toEqual([]);
});

test("a restarted worker goes on behind the commit that was refused", async () => {
  const attempt = await attemptWith([`${MEND}; rm sum.test.js`, `printf '%s' '${SUM_TEST}' > sum.test.js`]);
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  const before = attempt.events.length;
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change", diffStat: { files: 1 } });
  expect(attempt.events.length).toBe(before);
});
