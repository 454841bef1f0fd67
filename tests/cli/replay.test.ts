import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobDetail } from "@slipway/protocol/job";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { git, Playground, type Watched } from "./slipway.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const KEY = "sk-of-this-test-0123456789";
const NO_SANDBOX = ["--sandbox", "none"];

/** Two calls that stream, the second with what differs between two runs; what the model answers becomes the change. `GREETING` stands for the agent's release. */
const AGENT = `
import { execSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
async function ask(input) {
  const headers = { authorization: "Bearer " + process.env.TOKEN, "content-type": "application/json" };
  const answer = await fetch(process.env.BASE_URL + "/responses", { method: "POST", headers, body: JSON.stringify({ model: "m", stream: true, input }) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text.split("\\n").filter((line) => line.includes('"response.output_text.delta"')).map((line) => JSON.parse(line.slice(6)).delta).join("");
}
const first = await ask("GREETING " + readFileSync(0, "utf8"));
const second = await ask(first + " at " + new Date().toISOString() + " in " + process.cwd() + "\\npid " + process.pid + " token " + process.env.TOKEN);
writeFileSync("hull.txt", first + second + "\\n");
`;

let ground: Playground;
let model: ModelServer;
let root: string;
let up: Watched;
let agentFile: string;
let options: string[];

beforeAll(async () => {
  ground = await Playground.make();
  model = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Red. " }] }] }, key: KEY });
  root = await ground.repository("ship");
  agentFile = join(ground.folder, "agent.mjs");
  await writeFile(agentFile, AGENT.replace("GREETING", "Hello"));
  const agent = { command: [process.execPath, agentFile], env: { BASE_URL: "{baseUrl}", TOKEN: "{token}" } };
  options = ["--backend", "command", "--backend-config", `agent=${JSON.stringify(agent)}`];
  const provider = `providers:\n  openai: { baseUrl: "${model.baseUrl}/v1", key: SHIP_KEY }\nprices:\n  m: { input: 1, output: 10 }\n`;
  const config = join(ground.folder, "models.yaml");
  await writeFile(config, provider);
  ground = ground.with({ SLIPWAY_GATEWAY_CONFIG: config });
  up = ground.with({ SLIPWAY_GATEWAY_CONFIG: config, SHIP_KEY: KEY }).start(ground.folder, "up", "--port", "0", ...NO_SANDBOX);
  await up.says("slipway jobs");
});
afterAll(async () => {
  await ground[Symbol.asyncDispose]();
});

async function detailOf(job: number): Promise<JobDetail> {
  return JSON.parse((await ground.slipway(root, "show", String(job), "--json")).stdout);
}

/** Replays a job and waits for the end of the new one. */
async function replay(job: number, ...more: string[]): Promise<JobDetail> {
  const { stdout, stderr } = await ground.slipway(root, "replay", String(job), ...more);
  const number = /^job (\d+) queued \(a replay of job \d+, attempt \d+\)/m.exec(stdout)?.[1];
  expect(number, stdout + stderr).toBeDefined();
  await ground.slipway(root, "logs", "-f", String(number));
  return await detailOf(Number(number));
}

const spentToday = async (): Promise<string> => {
  const { checks } = JSON.parse((await ground.slipway(root, "doctor", "--json", ...NO_SANDBOX)).stdout);
  return checks.find(({ name }: { name: string }) => name === "spent today").found;
};

test("a recorded job is replayed without key, model or cost; what is not alike is shown; what has no cassette says what to do", async () => {
  const run = await ground.slipway(root, "run", "Paint the hull", "--record", "--into", "main", ...options);
  expect(run.code, run.stdout + run.stderr).toBe(0);
  const recorded = await detailOf(1);
  expect(recorded.job).toMatchObject({ state: "done", record: true, replay: null, usage: { inputTokens: 2_000, costUsd: expect.any(Number) } });
  expect(recorded.job.usage.costUsd).toBeGreaterThan(0);
  expect(recorded.artifacts).toContainEqual(expect.objectContaining({ name: "cassette.jsonl", fence: 1 }));
  const cassette = (await ground.slipway(root, "show", "1", "--artifact", "cassette.jsonl")).stdout;
  expect(cassette.trim().split("\n")).toHaveLength(2);
  expect(cassette).toContain("token ***");
  expect(cassette).not.toMatch(/slipmodel_|sk-of|authorization/i);
  // What was reserved ahead for a third call is given back when the gateway knows that there is none.
  await expect.poll(spentToday, { timeout: 30_000, interval: 200 }).toMatch(/^2\.1k tokens, \$0\.00\d+ in 2 calls since 00:00 UTC/);
  const spent = await spentToday();

  up.signal("SIGINT");
  await up.end();
  const asked = model.requests.all.length;
  await model[Symbol.asyncDispose](); // From here on there is none.
  up = ground.start(ground.folder, "up", "--port", "0", ...NO_SANDBOX);
  await up.says("slipway jobs");

  const played = await replay(1);
  expect(played.job, JSON.stringify(played.job.failure)).toMatchObject({ state: "done", record: false, retryOf: null, baseOid: recorded.job.baseOid });
  expect(played.job.replay).toEqual({ jobId: recorded.job.id, number: 1, fence: 1 });
  expect(played.job.target).toMatch(/^slipway\/replay-of-job-1/);
  expect(played.job.usage).toEqual({ ...recorded.job.usage, costUsd: 0 });
  expect(model.requests.all.length).toBe(asked);
  expect(await spentToday()).toBe(spent);
  const landed = async (oid: string | null): Promise<string> => {
    const { stdout } = await ground.slipway(root, "diff", String(oid));
    return stdout.replace(/^index .*$/m, "");
  };
  expect(await landed(String(played.job.number))).toBe(await landed("1"));
  expect(await git(root, "show", "main:hull.txt")).toContain("Red. Red.");
  const shown = (await ground.slipway(root, "show", String(played.job.number))).stdout;
  expect(shown).toMatch(/model +the cassette of job 1, attempt 1/);
  expect(shown).toContain("as a replay of job 1");

  await writeFile(agentFile, AGENT.replace("GREETING", "Good day"));
  const other = await replay(1, "--attempt", "1");
  expect(other.job).toMatchObject({ state: "failed", failure: { code: "CASSETTE_MISMATCH", details: { call: 1, calls: 2 } } });
  for (const command of ["show", "explain"]) {
    const { stdout } = await ground.slipway(root, command, String(other.job.number));
    const words = stdout.replace(/\s+/g, " ");
    expect(words, command).toContain("Call 1 of 2 on the cassette of job 1, attempt 1, is not what the agent asks now");
    expect(words, command).toContain("- input: Hello Paint the hull");
    expect(words, command).toContain("+ input: Good day Paint the hull");
  }

  const wrong = async (...words: string[]): Promise<string> => (await ground.slipway(root, "replay", ...words)).stderr;
  expect(await wrong("1", "--attempt", "9")).toMatch(/NOT_FOUND: Attempt 9 of job 1 has no cassette[\s\S]*--attempt: 1/);
  expect(await wrong(String(played.job.number))).toMatch(/NOT_FOUND: Job \d+ is a replay itself[\s\S]*Replay job 1/);
  expect(await wrong("1", "--attempt", "none")).toContain("whole number");
  await ground.slipway(root, "run", "Say hello", ...(await ground.script("plain", [{ write: { path: "a.txt", content: "a" } }])));
  const { jobs } = JSON.parse((await ground.slipway(root, "jobs", "--json")).stdout);
  expect(await wrong(String(jobs[0].number))).toMatch(/NOT_FOUND: Job \d+ has no cassette: it was not recorded[\s\S]*slipway run --record/);
  expect(await readFile(join(ground.data, "logs/gateway.log"), "utf8")).not.toContain(KEY);
});
