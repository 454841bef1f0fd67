import { join } from "node:path";
import { probeBubblewrap } from "@slipway/cli/stack/sandbox-probe";
import type { Client } from "@slipway/protocol/client";
import type { CriticEvent } from "@slipway/protocol/critic";
import type { JobEvent } from "@slipway/protocol/events";
import type { SubmitJobInput } from "@slipway/protocol/job";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KINDS } from "../sandbox/kinds.ts";
import { criticAnswer } from "../support/critic-answer.ts";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Critics with a real server, gateway, worker, integrator and runner: what a model took is counted, what it said is kept, and a backend looks and cannot touch. */

const MAIN = join(import.meta.dirname, "../../apps/cli/src/main.ts");
const FILES = { "sum.js": "exports.sum = (a, b) => a - b;\n" };
const MEND = [{ write: { path: "sum.js", content: "exports.sum = (a, b) => a + b;\n" } }];
const MODEL = "critic:\n  critics:\n    - {name: careful, model: {provider: lab, name: big}}\n";

let model: ModelServer;
let stack: Stack;
let client: Client;
let isConfined: boolean;
const repositories: TestRepository[] = [];
beforeAll(async () => {
  model = await startModelServer({ scenario: { turns: [{ steps: [{ text: criticAnswer() }] }] }, key: "lab-key" });
  // Where containers alone are asked for, all of it is played in them.
  const inContainers = KINDS.includes("docker") && !KINDS.includes("bwrap");
  isConfined = inContainers || (await probeBubblewrap()).ok;
  const config = JSON.stringify({ providers: { lab: { baseUrl: `${model.baseUrl}/v1`, key: "LAB_KEY" } }, prices: { big: { input: 1, output: 10 } } });
  stack = await Stack.start({ sandbox: inContainers ? "docker" : isConfined ? "bwrap" : "none", slots: 1, gateway: { config, keys: { LAB_KEY: "lab-key" } } });
  client = await stack.client();
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await model?.[Symbol.asyncDispose]();
  for (const repository of repositories) await repository[Symbol.asyncDispose]();
});

async function register(name: string, config: string): Promise<TestRepository> {
  const repository = await makeRepository({ ...FILES, ".slipway.yaml": config });
  repositories.push(repository);
  await repository.register(client, name);
  return repository;
}

async function run(repo: string, more: Partial<SubmitJobInput> = {}) {
  const detail = await ended(client, await submitScript(client, repo, [MEND], more));
  const events = await allEvents(client, detail.job.id);
  const said = events.flatMap((event): CriticEvent[] => (event.kind === "critic" ? [event.data] : []));
  return { detail, events, said };
}

test("a model is asked over the gateway, counted with the job, and not asked again for the same tree", async () => {
  const repository = await register("sums", MODEL);
  const asked = { base: await repository.head(), criteria: ["sum adds"] };
  const first = await run("sums", { ...asked, target: "one" });
  expect(first.detail.job, JSON.stringify(first.detail.job.failure)).toMatchObject({ state: "done", usage: { inputTokens: 1_000, outputTokens: 50 } });
  expect(first.detail.job.usage.costUsd).toBeCloseTo((1_000 + 50 * 10) / 1e6, 3);
  expect(first.said).toMatchObject([
    { verdict: "approve", kept: false, criteria: [{ text: "sum adds", verdict: "met", evidence: [{ file: "sum.js", line: 1 }] }] },
  ]);
  const second = await run("sums", { ...asked, target: "two" });
  expect(second.detail.job).toMatchObject({ state: "done", usage: { inputTokens: 0 } });
  expect(second.said).toMatchObject([{ verdict: "approve", kept: true, score: 90 }]);
  expect(model.requests.all).toHaveLength(1);
  const env = { SLIPWAY_URL: stack.url, SLIPWAY_TOKEN_FILE: join(stack.data, "tokens/admin.token"), NO_COLOR: "1" };
  const { stdout } = await execa(process.execPath, [MAIN, "show", String(first.detail.job.number)], { env });
  for (const text of [
    "critic careful approves (model lab/big, 90 of 100): The sum is right now.",
    "met: sum adds (sum.js:1)",
    "--artifact critic-careful-0.json",
  ])
    expect(stdout).toContain(text);
}, 90_000);

test("a backend judges in a workspace of its own at the change's commit, which it can read and not write", async () => {
  const look = `grep -q 'a + b' sum.js && git log -1 --format=%s | grep -q script && [ -z "$(ls -A ~ | grep -v '^\\.')" ]${isConfined ? " && ! touch probe" : ""}`;
  const steps = [{ shell: look }, { usage: { inputTokens: 7 } }, { print: criticAnswer() }];
  const config = { critics: [{ name: "peer", backend: "script", config: { script: { turns: [{ steps }] } } }] };
  await register("peers", JSON.stringify({ critic: config }));
  const { detail, said, events } = await run("peers", { target: "main" });
  expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done", usage: { inputTokens: 7 } });
  expect(said).toMatchObject([{ by: "backend script", verdict: "approve" }]);
  const unconfined = events.some((event) => event.kind === "notice" && event.data.text.includes("runs without a sandbox"));
  expect(unconfined).toBe(!isConfined);
  expect(Buffer.from(await client.artifact(detail.job.id, "critic-peer-0.json")).toString()).toContain("Your workspace is a read-only copy");
  expect(model.requests.all).toHaveLength(1);
}, 90_000);

test("a provider that the gateway has not, or speaks otherwise with, is told before the agent begins", async () => {
  for (const [name, model, said] of [
    ["typo", "{provider: lap, name: big}", "openai-compatible of the provider lap"],
    ["kind", "{provider: lab, name: big, kind: google}", "google of the provider lab"],
  ] as const) {
    await register(name, `critic:\n  critics: [{name: careful, model: ${model}}]\n`);
    const detail = await ended(client, await submitScript(client, name, [MEND]));
    const { events } = await client.call("listEvents", { params: { job: detail.job.id }, query: { after: 0, limit: 1_000 } });
    expect(detail.job).toMatchObject({ state: "blocked", failure: { code: "CRITIC_UNAVAILABLE", message: expect.stringContaining(said) } });
    expect(events.filter(({ kind }) => kind === "turn")).toEqual([]);
  }
}, 60_000);

test("a worker that is killed while a backend judges has it asked anew, and the agent runs no second time", async () => {
  const steps = [{ shell: "sleep 3" }, { print: criticAnswer() }];
  const config = { critics: [{ name: "peer", backend: "script", config: { script: { turns: [{ steps }] } } }] };
  await register("killed", JSON.stringify({ critic: config }));
  const id = await submitScript(client, "killed", [MEND], { target: "main" });
  const isJudging = (event: JobEvent): boolean => event.kind === "phase" && event.data.phase === "critic" && event.data.status === "started";
  for await (const frame of client.follow(id)) {
    if (frame.type !== "event" || !isJudging(frame.event)) continue;
    await stack.crash("worker");
    break;
  }
  const detail = await ended(client, id);
  expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done", attempts: 1 });
  const events = await allEvents(client, id);
  expect(events.filter(isJudging)).toHaveLength(1);
  expect(events.filter(({ kind }) => kind === "critic")).toHaveLength(1);
  expect(events.flatMap((event) => (event.kind === "turn" && event.data.status === "started" ? [event.data.turn] : []))).toEqual([1]);
}, 90_000);

test("a critic that cannot be one is told when the job is submitted", async () => {
  await register("strangers", "critic:\n  critics: [{name: peer, backend: nobody}]\n");
  await expect(submitScript(client, "strangers", [MEND])).rejects.toMatchObject({
    code: "BACKEND_NOT_INSTALLED",
    details: { field: "critic.critics[0].backend" },
  });
  await register("wrong", "critic:\n  critics: [{name: peer, backend: script, config: {script: {}}}]\n");
  await expect(submitScript(client, "wrong", [MEND])).rejects.toMatchObject({ code: "INVALID_CONFIG", message: expect.stringContaining("the critic peer") });
}, 60_000);
