import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { treeOf } from "@slipway/git/hub";
import { parseRepositoryConfig } from "@slipway/protocol/parse-repository-config";
import { afterEach, expect, test } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { Life } from "../support/mortal-worker.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";

/** A red gate, and what it was before the agent came. */

const attempts: TestAttempt[] = [];
afterEach(async () => {
  for (const attempt of attempts.splice(0)) await attempt[Symbol.asyncDispose]();
});

const SUM = "gates:\n  - {name: sum, run: 'cat sum; grep -qx 2 sum'}\n";
const TOLERANT = `${SUM}baseline: tolerate\n`;
/** On the base it passes. On a change it passes from its second run on, in each checkout. */
const ODD =
  "gates:\n  - {name: odd, run: 'grep -qx 2 sum && exit 0; test -e ../tried && exit 0; touch ../tried; echo the clock was late; exit 1'}\nrepairs: 0\n";

async function attemptWith(turns: string[], files: Record<string, string>, job: object = {}): Promise<TestAttempt> {
  const attempt = await TestAttempt.make({ files: { sum: "3\n", ...files }, provider: new ProcessProvider(turns), job });
  attempts.push(attempt);
  return attempt;
}

function verdictsOf(attempt: TestAttempt): string[] {
  return attempt.events.flatMap((event) =>
    event.kind === "gate-verdict" ? [`${event.data.name} ${event.data.round} ${event.data.verdict} ${event.data.base}`] : [],
  );
}

function turnsOf(attempt: TestAttempt): number {
  return attempt.events.filter((event) => event.kind === "turn" && event.data.status === "ended").length;
}

test("where nothing lands on a red base, the agent is asked once whether its task is to mend it, and is not to blame where it does not", async () => {
  const attempt = await attemptWith(["echo more > other", 'printf "%s" "$PROMPT" > $HOME/prompt'], { ".slipway.yaml": SUM });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect([verdictsOf(attempt), turnsOf(attempt)]).toEqual([["sum 0 before red", "sum 1 before red"], 2]);
  expect(await readFile(`${attempt.paths.home}/prompt`, "utf8")).toContain("Mind: it was red before this job");
  const mended = await attemptWith(["echo more > other", "echo 2 > sum"], { ".slipway.yaml": SUM });
  expect(await runAttempt(await mended.context())).toMatchObject({ kind: "change" });
  expect(turnsOf(mended)).toBe(2);
});

test("a gate that the base has red by the same failure is shown, and asks for no repair where that is tolerated", async () => {
  const provider = new ProcessProvider(["echo more > other"]);
  await using attempt = await TestAttempt.make({ files: { ".slipway.yaml": TOLERANT, sum: "3\n" }, provider });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change", diffStat: { files: 1 } });
  expect([verdictsOf(attempt), turnsOf(attempt)]).toEqual([["sum 0 before red"], 1]);
  expect(attempt.known.baselines).toMatchObject([{ gate: "sum", exitCode: 1, failureDigest: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
  expect(attempt.known.baselines[0]?.tree).toBe(await treeOf(attempt.hubRoot, attempt.job.baseOid));
  expect(attempt.logs.get("base:sum")).toBe("3\n");

  // The next job on this base asks the server, and runs nothing there.
  await using next = await TestAttempt.make({ files: { ".slipway.yaml": TOLERANT, sum: "3\n" }, provider: new ProcessProvider(["echo more > other"]) });
  next.known = attempt.known;
  expect(await treeOf(next.hubRoot, next.job.baseOid)).toBe(attempt.known.baselines[0]?.tree);
  expect(await runAttempt(await next.context())).toMatchObject({ kind: "change" });
  expect([verdictsOf(next), next.logs.has("base:sum"), attempt.known.baselines.length]).toEqual([["sum 0 before red"], false, 1]);
});

test("a job that mends the red gate asks nothing of the base, nor does one whose gates were green", async () => {
  const attempt = await attemptWith(["echo 2 > sum"], { ".slipway.yaml": SUM });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect([verdictsOf(attempt), attempt.baselineQuestions, turnsOf(attempt)]).toEqual([[], 0, 1]);
});

test("a job that mends the red gate in two turns gets them: its failure is another one then", async () => {
  const attempt = await attemptWith(["echo 4 > sum", "echo 2 > sum"], { ".slipway.yaml": SUM });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect([verdictsOf(attempt), turnsOf(attempt)]).toEqual([["sum 0 new red"], 2]);
});

test("green before and red now is the agent's, and its prompt says so", async () => {
  const attempt = await attemptWith(
    ["echo 5 > sum", 'printf "%s" "$PROMPT" > $HOME/prompt; echo 2 > sum'],
    { ".slipway.yaml": SUM, sum: "2\n", other: "1\n" },
    {},
  );
  const failure = await runAttempt(await attempt.context()).catch((error: unknown) => error);
  // Two turns that together change nothing.
  expect(failure).toMatchObject({ code: "NO_CHANGE" });
  expect(verdictsOf(attempt)).toEqual(["sum 0 new green"]);
  expect(await readFile(`${attempt.paths.home}/prompt`, "utf8")).toContain("ended with exit code 1. Mind: it passes on the base. Its output:");
});

test("an agent that breaks a red gate further, or whose gate says nothing, has to answer for it", async () => {
  const worse = await attemptWith(["echo 7 > sum", "true"], { ".slipway.yaml": `${SUM}repairs: 1\n` });
  await expect(runAttempt(await worse.context())).rejects.toMatchObject({ code: "GATES_FAILED", details: { gates: [{ name: "sum", base: "red" }] } });
  const silent = await attemptWith(["echo 7 > sum", "true"], { ".slipway.yaml": "gates:\n  - {name: sum, run: grep -qx 2 sum}\nrepairs: 1\n" });
  await expect(runAttempt(await silent.context())).rejects.toMatchObject({ code: "GATES_FAILED", details: { gates: [{ name: "sum", base: "red" }] } });
  expect(verdictsOf(silent)).toEqual(["sum 0 new red", "sum 1 new red"]);
});

test("what ran before a red gate runs before it on the base too, and what needs nothing red is judged by its own", async () => {
  const config = `gates:
  - {name: make, run: 'echo made > ../made'}
  - {name: use, run: 'cat ../made; cat sum; grep -qx 2 sum', needs: [make]}
  - {name: after, run: 'echo after'}
repairs: 0
`;
  const attempt = await attemptWith(["echo more > other"], { ".slipway.yaml": config });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(verdictsOf(attempt)).toEqual(["use 0 before red"]);
  expect(attempt.known.baselines.map(({ gate, exitCode }) => [gate, exitCode])).toEqual([
    ["make", 0],
    ["use", 1],
  ]);
});

test("a gate that does not end on the base in the attempt's time is the agent's, with the reason", async () => {
  const config = "gates:\n  - {name: slow, run: 'grep -qx 3 sum && sleep 1000; cat sum; grep -qx 2 sum', timeoutSeconds: 600}\nrepairs: 1\n";
  const attempt = await attemptWith(["echo 4 > sum", "echo 2 > sum"], { ".slipway.yaml": config }, { timeoutMs: 8_000 });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(verdictsOf(attempt)).toEqual(["slow 0 new unknown"]);
  expect(attempt.known.baselines).toEqual([]);
  expect(attempt.events.find(({ kind }) => kind === "gate-verdict")?.data).toMatchObject({ detail: expect.stringContaining("did not end there in time") });
});

test("a setup that fails on the base stops nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-baseline-"));
  const ready = join(folder, "ready");
  // That of the attempt is the first to run.
  const config = `setup:\n  commands: ['test ! -e ${ready} || exit 7; touch ${ready}']\n${SUM}`;
  const attempt = await attemptWith(["echo 4 > sum", "echo 2 > sum"], { ".slipway.yaml": config });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  await rm(folder, { recursive: true });
  expect(verdictsOf(attempt)).toEqual(["sum 0 new unknown"]);
  expect(attempt.events.find(({ kind }) => kind === "gate-verdict")?.data).toMatchObject({ detail: expect.stringContaining("(SETUP_FAILED)") });
});

test("a failure that is gone when the gate runs again on the same files is flaky, told to the server, and bounces nobody", async () => {
  const attempt = await attemptWith(["echo 4 > sum"], { ".slipway.yaml": ODD, sum: "2\n" });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect([verdictsOf(attempt), turnsOf(attempt)]).toEqual([["odd 0 flaky green"], 1]);
  expect(attempt.known.flakes).toEqual([{ gate: "odd", failureDigest: expect.stringMatching(/^[0-9a-f]{64}$/), excerpt: "the clock was late" }]);
  expect([...attempt.artifacts.keys()]).toEqual(expect.arrayContaining(["gate-odd-0.log", "gate-odd-0-again.log"]));
});

test("a failure that names a changed file is not run again", async () => {
  const attempt = await attemptWith(["echo 4 > sum"], { ".slipway.yaml": ODD.replace("the clock was late", "sum is wrong"), sum: "2\n" });
  await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "GATES_FAILED" });
  expect([verdictsOf(attempt), attempt.known.flakes]).toEqual([["odd 0 new green"], []]);
});

test("a quarantined failure bounces nobody and is shown; another failure of the same gate does", async () => {
  const config = "gates:\n  - {name: odd, run: 'grep -qx 2 sum && exit 0; cat why; exit 1'}\nrepairs: 0\n";
  const first = await attemptWith(["echo 4 > sum"], { ".slipway.yaml": config, sum: "2\n", why: "the clock was late\n" });
  const failure = await runAttempt(await first.context()).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "GATES_FAILED" });
  const flaky = await attemptWith(["echo 4 > sum"], { ".slipway.yaml": ODD, sum: "2\n" });
  await runAttempt(await flaky.context());
  const [known] = flaky.known.flakes;
  if (!known) throw new Error("nothing was told");

  const quarantined = await attemptWith(["echo 4 > sum"], { ".slipway.yaml": config, sum: "2\n", why: "the clock was late\n" });
  quarantined.known = { baselines: [], quarantined: [{ gate: "odd", failureDigest: known.failureDigest }], flakes: [] };
  expect(await runAttempt(await quarantined.context())).toMatchObject({ kind: "change" });
  expect([verdictsOf(quarantined), quarantined.known.baselines]).toEqual([["odd 0 quarantined unknown"], []]);

  const other = await attemptWith(["echo 4 > sum; echo broken > why"], { ".slipway.yaml": config, sum: "2\n", why: "the clock was late\n" });
  other.known = { baselines: [], quarantined: [{ gate: "odd", failureDigest: known.failureDigest }], flakes: [] };
  await expect(runAttempt(await other.context())).rejects.toMatchObject({ code: "GATES_FAILED" });
  expect(verdictsOf(other)).toEqual(["odd 0 new green"]);
});

test("a worker that is killed after it has told the server runs nothing on the base again", async () => {
  const provider = new ProcessProvider(["echo 4 > sum", "echo 2 > sum"]);
  await using attempt = await TestAttempt.make({ files: { ".slipway.yaml": SUM, sum: "3\n" }, provider });
  const life = new Life({ write: "journal verdicts-0", isWritten: false });
  await expect(runAttempt(await attempt.context({ life }))).rejects.toThrow();
  expect(life.isOver).toBe(true);
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "change" });
  expect(verdictsOf(attempt)).toEqual(["sum 0 new red"]);
  // Once on each turn's work, and once on the base.
  expect(provider.calls.filter((call) => call.includes("cat sum")).length).toBe(3);
});

test("a verify job holds a red gate against the target before the merge, and its receipt has the failure's signature", async () => {
  const attempt = await attemptWith(["echo more > other"], {});
  const change = await runAttempt(await attempt.context());
  if (change.kind !== "change") throw new Error("no change came of it");
  const baseOid = attempt.job.baseOid;
  const tree = await treeOf(attempt.hubRoot, change.oid);
  attempt.verify({ mergedOid: change.oid, tree, config: parseRepositoryConfig(SUM), baseOid });
  const outcome = await runAttempt(await attempt.context());
  expect(outcome).toMatchObject({ kind: "verified", receipts: [{ gate: "sum", exitCode: 1, failureDigest: attempt.known.baselines[0]?.failureDigest }] });
  expect(attempt.known.baselines).toMatchObject([{ tree: await treeOf(attempt.hubRoot, baseOid), gate: "sum", exitCode: 1 }]);
  expect(verdictsOf(attempt)).toEqual(["sum 0 before red"]);
});

test("a verify job runs a gate again that was green on the target, and its receipt says that it is flaky", async () => {
  const attempt = await attemptWith(["echo 4 > sum"], { sum: "2\n" });
  const change = await runAttempt(await attempt.context());
  if (change.kind !== "change") throw new Error("no change came of it");
  const baseOid = attempt.job.baseOid;
  attempt.verify({ mergedOid: change.oid, tree: await treeOf(attempt.hubRoot, change.oid), config: parseRepositoryConfig(ODD), baseOid });
  expect(await runAttempt(await attempt.context())).toMatchObject({ kind: "verified", receipts: [{ gate: "odd", exitCode: 0, flaky: true }] });
  expect(attempt.known.flakes).toMatchObject([{ gate: "odd" }]);
});

const FILTERED = `gates:
  - {name: docs, run: 'echo docs', paths: ['docs/**', '*.md']}
  - {name: code, run: 'echo code', ignore: [docs]}
  - {name: last, run: 'echo last', needs: [docs]}
`;

test.each([
  ["echo 4 > sum", ["docs 0 skipped", "code 0 passed", "last 0 passed"], ["code", "last"]],
  ["mkdir docs; echo 4 > docs/a", ["code 0 skipped", "docs 0 passed", "last 0 passed"], ["docs", "last"]],
  ["git rm -q README.md", ["docs 0 passed", "code 0 passed", "last 0 passed"], ["docs", "code", "last"]],
])("after `%s` only the gates run that a changed path concerns", async (turn, told, receipts) => {
  const attempt = await attemptWith([turn], { ".slipway.yaml": FILTERED, "README.md": "hello\n" });
  const change = await runAttempt(await attempt.context());
  if (change.kind !== "change") throw new Error("no change came of it");
  const statuses = attempt.events.flatMap((event) =>
    event.kind === "gate" && event.data.status !== "started" ? [`${event.data.name} ${event.data.round} ${event.data.status}`] : [],
  );
  expect(statuses).toEqual(told);
  const baseOid = attempt.job.baseOid;
  attempt.verify({ mergedOid: change.oid, tree: await treeOf(attempt.hubRoot, change.oid), config: parseRepositoryConfig(FILTERED), baseOid });
  const outcome = await runAttempt(await attempt.context());
  expect(outcome.kind === "verified" && outcome.receipts.map(({ gate }) => gate)).toEqual(receipts);
});
