import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { git, Playground } from "./slipway.ts";

/** Work that gates or checks refused, and a person lands all the same: through the whole stack, by the command line. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const GATES = "version: 1\ngates:\n  - {name: test, run: test -f never}\n  - {name: fine, run: test -f half.txt}\nrepairs: 0\n";

let ground: Playground;
let half: string[];
beforeAll(async () => {
  ground = await Playground.make();
  const up = ground.start(ground.folder, "up", "--port", "0", ...(await ground.sandbox()));
  await up.says("slipway jobs");
  half = await ground.script("half", [{ write: { path: "half.txt", content: "half done\n" } }]);
});
afterAll(async () => await ground?.[Symbol.asyncDispose]());

function jobOf(stdout: string): string {
  return /slipway show (\d+)/.exec(stdout)?.[1] ?? "";
}

/** A job that failed, in a repository of its own. */
async function failedJob(name: string, config: string, script: string[], ...more: string[]): Promise<{ root: string; job: string }> {
  const root = await ground.repository(name, { ".slipway.yaml": config });
  const run = await ground.slipway(root, "run", "Write half", ...script, ...more);
  expect(run.code, run.stdout + run.stderr).toBe(1);
  expect(run.stdout.replaceAll("\n", " ")).toContain("To land it all the same: slipway accept");
  return { root, job: jobOf(run.stdout) };
}

test("accepted work lands with a red receipt, and says by whom, why and what was red; a second time it is the same job", async () => {
  const { root, job } = await failedJob("gates fail", GATES, half, "--into", "main");
  const unasked = await ground.slipway(root, "accept", job);
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringMatching(/INVALID_REQUEST: Nobody can be asked here[\s\S]*--yes/)]);
  for (const part of ["1 file, +1 −0", "✗ gate test", "exit code 1"]) expect(unasked.stdout).toContain(part);

  const answer = JSON.parse((await ground.slipway(root, "accept", job, "--yes", "--reason", "the test is of the old API", "--json")).stdout);
  expect(answer).toMatchObject({
    created: true,
    acceptance: { number: Number(job), reason: "the test is of the old API", red: [{ by: "gate", name: "test" }] },
  });
  const number = String(answer.job.number);
  expect((await ground.slipway(root, "logs", "-f", number)).code).toBe(0);

  const again = await ground.slipway(root, "accept", job, "--yes");
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining(`accepted before: job ${number}, which is done`)]);
  const shown = (await ground.slipway(root, "show", number)).stdout;
  for (const part of [/\(admin\) accepted the work of job \d+/, "the test is of the old API", "Red then: gate test", /✗ test {2}exit 1/, /✓ fine {2}exit 0/])
    expect(shown).toMatch(part);
  expect((await ground.slipway(root, "show", job)).stdout).toContain(`Its work was accepted as job ${number}, which is done.`);

  expect((await ground.slipway(root, "fetch", number)).code).toBe(0);
  expect(await git(root, "show", "main:half.txt")).toBe("half done");
  const trailers = await git(root, "log", "-1", "--format=%(trailers:only,unfold)", "main");
  expect(trailers).toMatch(/^Accepted-By: .+ \(admin\)$/m);
  expect(trailers).toMatch(/^Accepted-Because: the test is of the old API$/m);
  expect(trailers).toMatch(/^Accepted-Red: gate test$/m);
  expect(await git(root, "rev-list", "--count", "main")).toBe("2");
  const audit = JSON.parse((await ground.slipway(root, "audit", "--job", job, "--action", "acceptJob", "--json")).stdout);
  expect(audit.entries.map((entry: { outcome: string; madeJob: number }) => [entry.outcome, entry.madeJob])).toEqual([
    ["unchanged", Number(number)],
    ["ok", Number(number)],
  ]);
});

test("a gate that was not seen red stops accepted work too, and may be accepted in its turn", async () => {
  // In the agent's workspace, which has a file that git ignores, the gate is green.
  const config = "version: 1\ngates:\n  - {name: test, run: test -f never}\n  - {name: clean, run: test -f local.tmp}\nrepairs: 0\n";
  const script = await ground.script("local", [
    { write: { path: "half.txt", content: "half\n" } },
    { write: { path: "local.tmp", content: "x\n" } },
    { write: { path: ".gitignore", content: "*.tmp\n" } },
  ]);
  const { root, job } = await failedJob("a gate is red later", config, script);
  const first = JSON.parse((await ground.slipway(root, "accept", job, "--yes", "--json")).stdout);
  const second = String(first.job.number);
  expect((await ground.slipway(root, "logs", "-f", second)).code).toBe(1);
  expect((await ground.slipway(root, "show", second)).stdout).toMatch(/On the merged tree these gates fail: clean \(exit 1\)/);
  const refused = await ground.slipway(root, "accept", job, "--yes");
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`was accepted as job ${second}, which failed in its turn`)]);
  const third = JSON.parse((await ground.slipway(root, "accept", second, "--yes", "--json")).stdout);
  expect(third.acceptance.red.map(({ name }: { name: string }) => name)).toEqual(["test", "clean"]);
  expect((await ground.slipway(root, "logs", "-f", String(third.job.number))).code).toBe(0);
});

test("a secret is accepted only by name", async () => {
  const secret = `AWS_SECRET_ACCESS_KEY="${"wJalrXUtnFEMI/"}${"K7MDENGbPxRfiCYzAbCdEfGhI1"}"\n`;
  const script = await ground.script("secret", [{ write: { path: "half.txt", content: "half\n" } }, { write: { path: "aws.ini", content: secret } }]);
  const { root, job } = await failedJob("a secret", GATES, script);
  const refused = await ground.slipway(root, "accept", job, "--yes");
  expect([refused.code, refused.stderr.replaceAll("\n", " ")]).toEqual([
    2,
    expect.stringMatching(/CONFLICT: The check secrets has found .*--including secrets/),
  ]);
  const accepted = await ground.slipway(root, "accept", job, "--yes", "--including", "secrets");
  expect([accepted.code, accepted.stderr]).toEqual([0, ""]);
  const number = /job (\d+) lands/.exec(accepted.stdout)?.[1] ?? "";
  expect((await ground.slipway(root, "logs", "-f", number)).code).toBe(0);
});

test("what did not fail, or left nothing, is not accepted", async () => {
  const root = await ground.repository("nothing to accept");
  const landed = await ground.slipway(root, "run", "Write half", ...half, "--json");
  const refuse = async (job: string) => (await ground.slipway(root, "accept", job, "--yes")).stderr.replaceAll("\n", " ");
  expect(await refuse(String(JSON.parse(landed.stdout).job.number))).toMatch(/^error CONFLICT: Job \d+ cannot be accepted: it is done/);
  const idle = await ground.slipway(root, "run", "Fail", ...(await ground.script("idle", [{ fail: { code: "BACKEND_FAILED", message: "no" } }])));
  expect(await refuse(jobOf(idle.stdout))).toMatch(/cannot be accepted: nothing of its agent's work is kept/);
  expect(await refuse("9999")).toMatch(/NOT_FOUND/);
});
