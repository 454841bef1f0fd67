import { treeOf } from "@slipway/git/hub";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { afterEach, expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";

const attempts: TestAttempt[] = [];
afterEach(async () => {
  for (const attempt of attempts.splice(0)) await attempt[Symbol.asyncDispose]();
});

async function attemptWith(config: string, turns: string[] = ["echo 2 > sum"]): Promise<TestAttempt> {
  const attempt = await TestAttempt.make({ files: { ".slipway.yaml": config, sum: "3\n", "pkg/name": "inner\n" }, provider: new ProcessProvider(turns) });
  attempts.push(attempt);
  return attempt;
}

function gatesOf(attempt: TestAttempt): string[] {
  return attempt.events.flatMap((event) => {
    if (event.kind !== "gate" || event.data.status === "started") return [];
    const { name, round, status, flaky, because } = event.data;
    return [`${name} ${round} ${status}${flaky ? " flaky" : ""}${because ? ` by ${because}` : ""}`];
  });
}

test("a gate has its own folder and variables, and its receipt tells of them", async () => {
  const config = 'gates:\n  - {name: inner, run: \'grep -q inner name && test "$MODE" = "it\'\'s \\$x"\', cwd: pkg, env: {MODE: "it\'s $x"}}\n';
  const attempt = await attemptWith(config);
  const change = await runAttempt(await attempt.context());
  if (change.kind !== "change") throw new Error("no change came of it");
  expect(gatesOf(attempt)).toEqual(["inner 0 passed"]);
  attempt.verify({ mergedOid: change.oid, tree: await treeOf(attempt.hubRoot, change.oid), config: parseRepositoryConfig(config) });
  const outcome = await runAttempt(await attempt.context());
  expect(outcome).toMatchObject({
    kind: "verified",
    receipts: [{ gate: "inner", exitCode: 0, command: expect.stringMatching(/^cd 'pkg' \|\| exit\nexport MODE='it'\\''s \$x'\ngrep/) }],
  });
});

test("a gate whose need is red is skipped and told of; the repair hears of the red one alone", async () => {
  const config = "gates:\n  - {name: test, run: 'true', needs: [build]}\n  - {name: build, run: grep -qx 2 sum}\n";
  const attempt = await attemptWith(config, ["echo 4 > sum", 'printf "%s" "$PROMPT" | grep -q test && exit 1; echo 2 > sum']);
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(gatesOf(attempt)).toEqual(["build 0 failed", "test 0 skipped by build", "build 1 passed", "test 1 passed"]);
});

test("a verify job runs each gate, also behind a red one", async () => {
  const attempt = await attemptWith("{}\n");
  const change = await runAttempt(await attempt.context());
  if (change.kind !== "change") throw new Error("no change came of it");
  const config = parseRepositoryConfig("gates:\n  - {name: build, run: exit 3}\n  - {name: test, run: 'true', needs: [build]}\n");
  attempt.verify({ mergedOid: change.oid, tree: await treeOf(attempt.hubRoot, change.oid), config });
  expect(await runAttempt(await attempt.context())).toMatchObject({
    kind: "verified",
    receipts: [
      { gate: "build", exitCode: 3 },
      { gate: "test", exitCode: 0 },
    ],
  });
});

test("one that passes when it is run again is flaky, and its artifact has both runs", async () => {
  const config = "gates:\n  - {name: odd, run: 'echo try; test -e ../tried && exit 0; touch ../tried; exit 1', retries: 2}\n";
  const attempt = await attemptWith(config);
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(gatesOf(attempt)).toEqual(["odd 0 passed flaky"]);
  const both = "try\n[slipway: it failed once and is run again]\ntry\n";
  expect([attempt.artifacts.get("gate-odd-0.log")?.toString(), attempt.logs.get("gate:odd")]).toEqual([both, both]);
});

test("gates that may run beside others do", async () => {
  // Each waits for the other to have begun.
  const meet = (own: string, other: string): string => `touch ../${own}; for i in $(seq 500); do test -e ../${other} && exit 0; sleep 0.02; done; exit 1`;
  const gate = (name: string, other: string): string => `  - {name: ${name}, run: '${meet(name, other)}', parallel: true}\n`;
  const attempt = await attemptWith(`gates:\n${gate("left", "right")}${gate("right", "left")}repairs: 0\n`);
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(gatesOf(attempt).toSorted()).toEqual(["left 0 passed", "right 0 passed"]);
});
