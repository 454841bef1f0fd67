import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import type { SubmitJobInput } from "@slipway/protocol/job";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { allEvents, ended } from "../support/jobs.ts";
import { NOTHING_LEFT, processesOf } from "../support/leftovers.ts";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { noisePng } from "../support/png.ts";
import type { TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";
import { brokenPackage } from "./broken-package.ts";
import { expectLanded, filesWith } from "./pipeline-bench.ts";

/**
 * The real Codex CLI through the whole pipeline: submit, sandbox, gateway, gates, verification, landing. Its model is a scripted server that takes the real
 * key only, which nothing but the gateway has.
 */
const KEY = "sk-real-key-4f1c9a7e52d84b0b9d36";
const MODEL = "scripted";
const MEND = "sed -i \"s/function inherits() {}/require('util').inherits/\" inherits.js";

let model: ModelServer;
let stack: Stack;
let repository: TestRepository;
let client: Client;

beforeAll(async () => {
  model = await startModelServer({ scenario: { turns: [{ steps: [{ text: "No scenario was set." }] }] }, key: KEY });
  const config = JSON.stringify({
    providers: { openai: { baseUrl: `${model.baseUrl}/v1`, key: "TEST_MODEL_KEY", models: [MODEL], headersTimeoutSeconds: 20, silenceTimeoutSeconds: 20 } },
    prices: { [MODEL]: { input: 1, cachedInput: 0.1, output: 10, maxOutputTokens: 4_000 } },
  });
  stack = await Stack.start({ gateway: { config, keys: { TEST_MODEL_KEY: KEY } } });
  client = await stack.client();
  repository = await brokenPackage();
  await repository.register(client, "inherits");
}, 240_000);

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await model?.[Symbol.asyncDispose]();
});

/** Requests of a test are those that came after its start. */
let before = 0;
beforeEach(() => {
  before = model.requests.modelCalls().length;
});
afterEach(async () => {
  expect(await filesWith(stack.data, KEY), "files that hold the key").toEqual([join(stack.data, "secrets", "gateway", "TEST_MODEL_KEY")]);
});

async function submit(more: Partial<SubmitJobInput> = {}): Promise<string> {
  const body = { repo: "inherits", task: "Mend inherits.js.", backend: "codex", backendConfig: { model: MODEL }, maxAttempts: 1, ...more };
  return (await client.call("submitJob", { body })).job.id;
}

function calls(): Array<{ text: string; prompt: string; step: number }> {
  return model.requests
    .modelCalls()
    .slice(before)
    .flatMap(({ model: request }) => (request ? [request] : []));
}

test("it mends a real package to a landed commit, and what it used is what the gateway counted", async () => {
  model.play({
    turns: [
      {
        steps: [
          { text: "I will mend it.", shell: MEND, usage: { inputTokens: 1_000, cachedInputTokens: 400, outputTokens: 60, reasoningTokens: 20 } },
          { text: "Done.", usage: { inputTokens: 1_200, cachedInputTokens: 1_000, outputTokens: 10, reasoningTokens: 0 } },
        ],
      },
    ],
  });
  const id = await submit({ target: "mended", budget: { tokens: 1_000_000, usd: 5 } });
  const detail = await ended(client, id);
  await expectLanded(stack, detail, "mended");
  const expected = { inputTokens: 2_200, cachedInputTokens: 1_400, outputTokens: 70, reasoningTokens: 20 };
  expect(detail.job.usage).toMatchObject(expected);
  expect(detail.job.usage.costUsd).toBeCloseTo((800 * 1 + 1_400 * 0.1 + 70 * 10) / 1e6, 9);
  const events = await allEvents(client, id);
  const modelCalls = events.flatMap((event) => (event.kind === "model-call" ? [event.data] : []));
  expect(modelCalls).toMatchObject([
    { provider: "openai", model: MODEL, outcome: "ok", status: 200, estimated: false },
    { provider: "openai", model: MODEL, outcome: "ok", status: 200, estimated: false },
  ]);
  // The agent's own figures are there too, and say the same.
  expect(events.flatMap((event) => (event.kind === "usage" ? [event.data] : []))).toMatchObject([expected]);
  expect(events.some((event) => event.kind === "tool-call" && JSON.stringify(event.data.input).includes("sed -i"))).toBe(true);
}, 60_000);

test("a first try that fails is repaired, from the gate's output, in a second turn of the same session", async () => {
  model.play({
    turns: [
      // The gate's output is in the prompt of the repair.
      { prompt: "does not pass the checks", steps: [{ text: "I see.", shell: `rm NOTES.md; ${MEND}` }, { text: "Mended." }] },
      { prompt: "Mend inherits.js", steps: [{ text: "I will think.", shell: "echo thinking > NOTES.md" }, { text: "Done, I believe." }] },
    ],
  });
  const id = await submit({ target: "repaired" });
  await expectLanded(stack, await ended(client, id), "repaired");
  const events = await allEvents(client, id);
  expect(events.filter((event) => event.kind === "turn" && event.data.status === "started")).toHaveLength(2);
  const last = calls().at(-1);
  expect(last?.prompt).toMatch(/AssertionError|assert/);
  expect(last?.text, "the second turn knows the first").toContain("Mend inherits.js");
  expect(last?.text).toContain("Done, I believe.");
}, 90_000);

test("the key is in no shell, no log, no event and no file; the attempt's token is masked", async () => {
  const look =
    "env; cat /proc/self/environ | tr '\\0' '\\n'; for f in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $f; done; find / -xdev -name TEST_MODEL_KEY 2>/dev/null";
  model.play({ turns: [{ steps: [{ shell: `(${look}) > seen.txt 2>&1; cat seen.txt; rm seen.txt; ${MEND}` }, { text: "Done." }] }] });
  const id = await submit({ target: "looked" });
  await expectLanded(stack, await ended(client, id), "looked");
  // The real key came to the model, so it was there to be seen.
  expect(calls()).toHaveLength(2);
  const told = JSON.stringify(calls().map(({ text }) => text));
  expect(told).toContain("HOME=/home/agent");
  expect(told).not.toContain(KEY);
  const { events, artifacts, logs } = await everythingOf(id);
  for (const [name, text] of Object.entries({ events, artifacts, logs })) {
    expect(text, name).not.toContain(KEY);
    expect(text, name).not.toContain("slipmodel_");
  }
}, 60_000);

async function everythingOf(id: string): Promise<{ events: string; artifacts: string; logs: string }> {
  const detail = await client.call("getJob", { params: { job: id } });
  const artifacts = await Promise.all(detail.artifacts.map(async ({ name }) => Buffer.from(await client.artifact(id, name)).toString()));
  const logs = await Promise.all((["server", "gateway", "worker", "integrator"] as const).map((part) => stack.log(part)));
  return { events: JSON.stringify(await allEvents(client, id)) + JSON.stringify(detail), artifacts: artifacts.join("\n"), logs: logs.join("\n") };
}

test("a cancel in the middle of a shell command leaves no process", async () => {
  const marker = String(800_000 + (process.pid % 100_000));
  model.play({ turns: [{ steps: [{ shell: `setsid sleep ${marker} & sleep ${marker}` }, { text: "Done." }] }] });
  const id = await submit({ target: "cancelled" });
  for await (const frame of client.follow(id)) if (frame.type === "event" && frame.event.kind === "tool-call") break;
  const sleeping = new RegExp(`sleep ${marker}`);
  await expect.poll(() => processesOf(stack.data, sleeping), { timeout: 10_000 }).not.toHaveLength(0);
  const askedAt = performance.now();
  await client.call("cancelJob", { params: { job: id }, body: {} });
  await expect.poll(() => processesOf(stack.data, sleeping), { interval: 20, timeout: 10_000 }).toHaveLength(0);
  expect(performance.now() - askedAt).toBeLessThan(5_000);
  expect((await ended(client, id)).job.state).toBe("cancelled");
}, 60_000);

test.each([
  ["error-401", "blocked", "BACKEND_AUTH"],
  ["quota", "blocked", "BACKEND_QUOTA"],
  ["error-429", "failed", "BACKEND_RATE_LIMITED"],
  ["error-503", "failed", "MODEL_OVERLOADED"],
  ["context", "failed", "CONTEXT_TOO_LONG"],
  ["cut", "failed", "MODEL_UNREACHABLE"],
] as const)(
  "what the vendor answers is the job's failure: %s → %s, %s",
  async (scenario, state, code) => {
    const { NAMED_SCENARIOS } = await import("../support/model-server/named-scenarios.ts");
    const named = NAMED_SCENARIOS[scenario];
    if (!named) throw new Error(`no scenario ${scenario}`);
    model.play(named.scenario);
    const { job } = await ended(client, await submit());
    expect(job, JSON.stringify(job.failure)).toMatchObject({ state, failure: { code } });
  },
  90_000,
);

test("a budget ends the job before the request that it does not cover", async () => {
  model.play({ turns: [{ steps: [{ shell: "true", usage: { inputTokens: 30_000, outputTokens: 100 } }] }] });
  const id = await submit({ budget: { tokens: 100_000 } });
  const { job } = await ended(client, id);
  expect(job, JSON.stringify(job.failure)).toMatchObject({
    state: "failed",
    failure: { code: "BUDGET_EXCEEDED", details: { unit: "tokens", limit: 100_000 } },
  });
  const used = job.usage.inputTokens + job.usage.outputTokens;
  expect(used).toBeGreaterThan(0);
  expect(used).toBeLessThanOrEqual(100_000);
}, 60_000);

test("a gateway that is killed in mid-answer costs no budget and no job", async () => {
  const usage = { inputTokens: 500, cachedInputTokens: 0, outputTokens: 40, reasoningTokens: 0 };
  let isKilled = false;
  model.play((request) => {
    if (request.step > 0) return { text: "Done.", usage };
    return isKilled ? { shell: MEND, usage } : { stop: "silent-in-stream", text: "I was about to", usage };
  });
  const id = await submit({ target: "killed", maxAttempts: 3 });
  await model.requests.nthModelCall(before + 1);
  isKilled = true;
  await stack.crash("gateway");
  const detail = await ended(client, id);
  await expectLanded(stack, detail, "killed");
  const modelCalls = (await allEvents(client, id)).flatMap((event) => (event.kind === "model-call" ? [event.data] : []));
  const sum = modelCalls.reduce((total, call) => total + call.usage.inputTokens + call.usage.outputTokens, 0);
  expect(detail.job.usage.inputTokens + detail.job.usage.outputTokens).toBe(sum);
  // The killed call is charged what was reserved for it, once; those that followed what they took.
  expect(modelCalls.filter(({ estimated }) => estimated)).toHaveLength(1);
  expect(modelCalls.filter(({ estimated }) => !estimated).map((call) => call.usage)).toMatchObject([usage, usage]);
}, 120_000);

test("images of a job come to its model once, stay for the repair, and are the same ones in a replay, which asks no model", async () => {
  model.play({
    turns: [
      { prompt: "does not pass the checks", steps: [{ text: "I see.", shell: `rm NOTES.md; ${MEND}` }, { text: "Mended." }] },
      { prompt: "Mend inherits.js", steps: [{ text: "I look.", shell: "echo thinking > NOTES.md" }, { text: "Done, I believe." }] },
    ],
  });
  const data = noisePng(400, 300, "pipeline").toString("base64");
  const id = await submit({ target: "seen", record: true, images: [{ name: "shot.png", data }] });
  await expectLanded(stack, await ended(client, id), "seen");
  const asked = model.requests.modelCalls().slice(before);
  expect(asked).toHaveLength(4);
  for (const { body } of asked) expect(JSON.stringify(body).split(data)).toHaveLength(2);
  expect(asked.at(-1)?.model?.text).toContain("shot.png: /control/images/1-shot.png");

  const { job } = await client.call("replayJob", { params: { job: id }, body: {} });
  const replayed = await ended(client, job.id);
  expect(replayed.job, JSON.stringify(replayed.job.failure)).toMatchObject({ state: "done", images: [{ name: "shot.png" }] });
  expect(model.requests.modelCalls().slice(before)).toHaveLength(4);
}, 150_000);

test("nothing is left when the stack has stopped", async () => {
  await stack.stop();
  const { processes, mounts, attempts, worktrees } = await stack.leftovers();
  expect({ processes, mounts, attempts, worktrees }).toEqual({
    processes: NOTHING_LEFT.processes,
    mounts: NOTHING_LEFT.mounts,
    attempts: NOTHING_LEFT.attempts,
    worktrees: NOTHING_LEFT.worktrees,
  });
});
