import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MADE_ARTIFACTS, spanSchema } from "@slipway/protocol/evidence";
import { scorecardSchema } from "@slipway/protocol/scorecard";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Playground } from "./slipway.ts";

/** What a job leaves to be looked at, through the whole stack. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const CONFIG = "version: 1\ngates:\n  - {name: sum, run: grep -qx 2 sum}\n  - {name: fine, run: test -f README.md}\nrepairs: 1\n";

let ground: Playground;
let root: string;
let job: string;
beforeAll(async () => {
  ground = await Playground.make();
  const up = ground.start(ground.folder, "up", "--port", "0", ...(await ground.sandbox()));
  await up.says("slipway jobs");
  root = await ground.repository("mends it", { ".slipway.yaml": CONFIG, sum: "3\n" });
  const script = await ground.script(
    "mend",
    [{ print: "I will do it." }, { write: { path: "sum", content: "4\n" } }, { write: { path: "sum.test.sh", content: "grep -qx 2 sum\n" } }],
    [{ print: "Now it is right." }, { write: { path: "sum", content: "2\n" } }],
  );
  const run = JSON.parse((await ground.slipway(root, "run", "Mend the sum", ...script, "--json")).stdout);
  expect(run.job.state, JSON.stringify(run.job.failure)).toBe("done");
  job = String(run.job.number);
});
afterAll(async () => await ground?.[Symbol.asyncDispose]());

test("the list has what was stored and what is made, and each of them can be printed and written", async () => {
  const { artifacts } = JSON.parse((await ground.slipway(root, "artifacts", job, "--json")).stdout);
  const names = artifacts.map(({ name }: { name: string }) => name);
  expect(names).toEqual(["base-sum.log", "gate-fine-0.log", "gate-fine-1.log", "gate-sum-0.log", "gate-sum-1.log", ...Object.keys(MADE_ARTIFACTS)]);
  const listed = (await ground.slipway(root, "artifacts", job)).stdout;
  for (const name of names) expect(listed).toContain(name);

  const read = async (name: string) => (await ground.slipway(root, "artifacts", job, name)).stdout;
  expect((await read("patch.diff")).trimEnd()).toBe((await ground.slipway(root, "diff", job)).stdout.trimEnd());
  expect(await read("numstat.txt")).toBe("1\t1\tsum\n1\t0\tsum.test.sh");
  expect(JSON.parse(await read("files.json"))).toMatchObject({
    files: [
      { path: "sum", kind: "code", added: 1, removed: 1 },
      { path: "sum.test.sh", kind: "test", added: 1, removed: 0 },
    ],
    totals: { code: { files: 1 }, test: { files: 1 }, docs: { files: 0 } },
  });
  expect(JSON.parse(await read("checks.json")).map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["change", "scope", "secrets", "tests"]),
  );
  expect(await read("transcript.md")).toMatch(
    /^# Job \d+: Mend the sum[\s\S]*### Turn 1 \(task\)[\s\S]*I will do it\.[\s\S]*Gate `sum`: failed\.[\s\S]*### Turn 2 \(repair\)/,
  );

  const folder = join(ground.folder, "evidence");
  const all = await ground.slipway(root, "artifacts", job, "--all", folder);
  expect([all.code, all.stderr]).toEqual([0, ""]);
  expect((await readdir(folder)).toSorted()).toEqual(names.toSorted());
  expect((await ground.slipway(root, "show", job, "--artifact", "numstat.txt")).stdout).toBe("1\t1\tsum\n1\t0\tsum.test.sh");
});

test("phases, turns and gates are spans within their attempt, each with its begin and end", async () => {
  const spans = spanSchema.array().parse(JSON.parse((await ground.slipway(root, "artifacts", job, "phases.json")).stdout));
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  expect(byId.size).toBe(spans.length);
  expect(spans[0]).toMatchObject({ name: "job", parentSpanId: null, status: { code: "OK" } });
  const parentOf = (name: string) => byId.get(spans.find((span) => span.name === name)?.parentSpanId ?? "")?.name;
  expect(["attempt", "prepare", "turn 1", "turn 2", "gate sum", "merge", "verify"].map((name) => [name, parentOf(name)])).toEqual([
    ["attempt", "job"],
    ["prepare", "attempt"],
    ["turn 1", "turn"],
    ["turn 2", "turn"],
    ["gate sum", "gates"],
    ["merge", undefined],
    ["verify", "job"],
  ]);
  for (const { name, startTimeUnixNano, endTimeUnixNano } of spans)
    expect(BigInt(endTimeUnixNano ?? "0"), name).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
  expect(spans.filter(({ name }) => name === "gate sum").map(({ status }) => status.code)).toEqual(["ERROR", "OK"]);
});

test("the scorecard counts what the events tell, and is the same everywhere", async () => {
  const card = scorecardSchema.parse(JSON.parse((await ground.slipway(root, "show", job, "--scorecard", "--json")).stdout));
  expect(card.facts).toMatchObject({ state: "done", turns: 2, repairs: 1, failedTurns: 0, gates: 2, gatesAtFirst: 1, refusals: 0, isPartial: false });
  expect(card.facts.history).toEqual({ jobs: 0, medianMs: null });
  // 40 + 15 + 7.5 + 15 of 90 points: it has no history to compare with.
  expect(card.score).toBe(Math.round((100 * (40 + 15 + 7.5 + 15)) / 90));
  expect(JSON.parse((await ground.slipway(root, "artifacts", job, "scorecard.json")).stdout)).toEqual(card);
  const shown = (await ground.slipway(root, "show", job, "--scorecard")).stdout;
  for (const part of [`score ${card.score} of 100`, /gates +7\.5 of 15 +1 of 2 passed at first/, /latency +not counted +no history/])
    expect(shown).toMatch(part);
  expect((await ground.slipway(root, "show", job)).stdout.replace(/\s+/g, " ")).toContain(
    `score ${card.score} of 100; 1 of 2 gates at first; 1 repair; 0 findings; no history (0 jobs done before it)`,
  );
});

test("nothing is overwritten or written through a link unless that is asked for, and a wrong call says what is wrong", async () => {
  const refuse = async (...args: string[]) => {
    const { code, stderr } = await ground.slipway(root, "artifacts", job, ...args);
    return [code, stderr.replaceAll("\n", " ")];
  };
  const file = join(ground.folder, "mine.txt");
  await writeFile(file, "mine");
  expect(await refuse("numstat.txt", "--output", file)).toEqual([2, expect.stringMatching(/CONFLICT: .*mine\.txt is there already.*--force/)]);
  expect(await readFile(file, "utf8")).toBe("mine");
  const linked = join(ground.folder, "linked");
  await symlink(file, linked);
  expect((await refuse("numstat.txt", "--output", linked))[0]).toBe(2);
  expect((await ground.slipway(root, "artifacts", job, "numstat.txt", "--output", linked, "--force")).code).toBe(0);
  expect([await readFile(file, "utf8"), await readFile(linked, "utf8")]).toEqual(["mine", "1\t1\tsum\n1\t0\tsum.test.sh\n"]);
  expect(await refuse("numstat.txt", "--output", join(ground.folder, "no", "where"))).toEqual([
    2,
    expect.stringMatching(/--output: .* cannot be written \(ENOENT\)/),
  ]);
  expect(await refuse("nothing.txt")).toEqual([2, expect.stringMatching(/NOT_FOUND: Job \d+ has no artifact nothing\.txt/)]);
  expect(await refuse("--output", file)).toEqual([2, expect.stringContaining("--output: it takes one artifact")]);
  expect(await refuse("numstat.txt", "--all", file)).toEqual([2, expect.stringContaining("--all: it writes all artifacts")]);
  expect(await refuse("--force")).toEqual([2, expect.stringContaining("--force: nothing is written")]);
});
