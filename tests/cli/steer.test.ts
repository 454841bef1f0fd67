import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { git, Playground, type Watched } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const NO_SANDBOX = ["--sandbox", "none"];

let ground: Playground;
let up: Watched;
let root: string;
beforeAll(async () => {
  ground = await Playground.make();
  up = ground.start(ground.folder, "up", "--port", "0", ...NO_SANDBOX);
  await up.says("slipway jobs");
  root = await ground.repository("ship");
});
afterAll(async () => await ground[Symbol.asyncDispose]());

/** A job that is followed, as it stands when its progress says `words`. */
async function runUntil(words: string, ...args: string[]): Promise<{ job: string; run: Watched }> {
  const run = ground.start(root, "run", "Paint the hull", ...args);
  await run.says(words);
  const { jobs } = JSON.parse((await ground.slipway(root, "jobs", "--json")).stdout);
  return { job: String(jobs[0].number), run };
}

test("a message reaches the agent at work, shows in the job's events, and is in the audit", async () => {
  const script = await ground.script("steered", [{ waitForMessage: true }, { write: { path: "hull.txt", content: "{{message}}\n" } }]);
  const { job, run } = await runUntil("waitForMessage", ...script);
  const sent = await ground.slipway(root, "steer", job, "Red, please");
  expect([sent.code, sent.stdout]).toEqual([0, expect.stringContaining(`sent to the agent of job ${job}`)]);
  const { code, stdout } = await run.end();
  expect(code, stdout).toBe(0);
  expect(stdout).toContain("message: Red, please");
  const { target } = JSON.parse((await ground.slipway(root, "show", job, "--json")).stdout).job;
  expect(await git(root, "show", `${target}:hull.txt`)).toContain("Red, please");
  const audit = (await ground.slipway(root, "audit", "--job", job, "--json")).stdout;
  expect(audit).toContain("steerJob");
  expect(audit).not.toContain("Red, please");
  const late = await ground.slipway(root, "steer", job, "Blue");
  expect(late.code).not.toBe(0);
  expect(late.stderr).toMatch(/^error CONFLICT: .*it is done/);
});

test("an agent that takes no messages refuses them, and one that took none before its end is told of", async () => {
  const agent = join(ground.folder, "deaf.yaml");
  await writeFile(agent, 'command: [sleep, "60"]\noutput: { format: none }\n');
  const deaf = await runUntil("turn 1", "--backend", "command", "--backend-config", `agent=@${agent}`);
  const refused = await ground.slipway(root, "steer", deaf.job, "Hello?");
  expect(refused.stderr).toMatch(/^error CONFLICT: .*the agent of command takes no messages/);
  await ground.slipway(root, "cancel", deaf.job);
  await deaf.run.end();

  const gate = join(ground.folder, "go");
  const steps = [{ print: "I am at work" }, { shell: `until [ -e '${gate}' ]; do sleep 0.05; done` }, { write: { path: "a.txt", content: "a" } }];
  const busy = await runUntil("I am at work", ...(await ground.script("busy", steps)));
  expect((await ground.slipway(root, "steer", busy.job, "Too late")).code).toBe(0);
  await writeFile(gate, "");
  expect((await busy.run.end()).stdout).toContain("came too late");
});
