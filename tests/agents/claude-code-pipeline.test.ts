import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import type { SubmitJobInput } from "@slipway/protocol/job";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { allEvents, ended } from "../support/jobs.ts";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import type { TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";
import { brokenPackage } from "./broken-package.ts";
import { named } from "./matrix/outcome.ts";
import { expectLanded, filesWith } from "./pipeline-bench.ts";

/**
 * The real Claude Code through the whole pipeline: submit, sandbox, gateway, gates, verification, landing. Its model is a scripted server that speaks
 * Anthropic's Messages and takes the real key only, which nothing but the gateway has.
 */
const KEY = "sk-ant-real-key-4f1c9a7e52d84b0b9d36";
const MODEL = "claude-sonnet-5-5";
const MEND = "sed -i \"s/function inherits() {}/require('util').inherits/\" inherits.js";

let model: ModelServer;
let stack: Stack;
let repository: TestRepository;
let client: Client;

beforeAll(async () => {
  model = await startModelServer({ scenario: { turns: [{ steps: [{ text: "No scenario was set." }] }] }, key: KEY });
  const times = { headersTimeoutSeconds: 20, silenceTimeoutSeconds: 20 };
  const anthropic = { protocol: "anthropic", baseUrl: `${model.baseUrl}/v1`, key: "TEST_MODEL_KEY", models: [MODEL], ...times };
  stack = await Stack.start({ gateway: { config: JSON.stringify({ providers: { anthropic } }), keys: { TEST_MODEL_KEY: KEY } } });
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
  const body = { repo: "inherits", task: "Mend inherits.js.", backend: "claude-code", backendConfig: { model: MODEL }, maxAttempts: 1, ...more };
  return (await client.call("submitJob", { body })).job.id;
}

const calls = () => model.requests.modelCalls().slice(before);

test("a first try that fails is repaired in a second turn of the same process, and what it used is what the gateway counted", async () => {
  const usage = { inputTokens: 1_000, cachedInputTokens: 400, cacheWriteTokens: 100, outputTokens: 60, reasoningTokens: 20 };
  model.play({
    turns: [
      // The gate's output is in the prompt of the repair.
      {
        prompt: "does not pass the checks",
        steps: [
          { text: "I see.", shell: `rm NOTES.md; ${MEND}`, usage },
          { text: "Mended.", usage },
        ],
      },
      {
        prompt: "Mend inherits.js",
        steps: [
          { text: "I will think.", shell: "echo thinking > NOTES.md", usage },
          { text: "Done, I believe.", usage },
        ],
      },
    ],
  });
  const id = await submit({ target: "repaired", budget: { tokens: 1_000_000, usd: 20 } });
  const detail = await ended(client, id);
  await expectLanded(stack, detail, "repaired");
  const events = await allEvents(client, id);
  expect(events.filter((event) => event.kind === "turn" && event.data.status === "started")).toHaveLength(2);
  const last = calls().at(-1);
  expect(last?.model?.prompt).toMatch(/AssertionError|assert/);
  expect(last?.model?.text, "the second turn knows the first").toContain("Done, I believe.");
  expect(new Set(calls().map(({ headers }) => headers["x-claude-code-session-id"])).size).toBe(1);
  const expected = { inputTokens: 4_000, cachedInputTokens: 1_600, outputTokens: 240, reasoningTokens: 80 };
  expect(detail.job.usage).toMatchObject(expected);
  expect(detail.job.usage.costUsd).toBeCloseTo((4 * (500 * 2 + 400 * 0.1 + 100 * 2.5 + 60 * 10)) / 1e6, 9);
  // The agent's own figures say the same, turn by turn.
  const own = events.flatMap((event) => (event.kind === "usage" ? [event.data] : []));
  expect(own.map(({ inputTokens, outputTokens }) => [inputTokens, outputTokens])).toEqual([
    [2_000, 120],
    [2_000, 120],
  ]);
}, 120_000);

test("neither the key nor the attempt's token is in a shell or the environment of a process", async () => {
  const look = "env; for f in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $f; done; cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'";
  model.play({ turns: [{ steps: [{ text: "I look.", shell: `(${look}) > seen.txt 2>&1; cat seen.txt; rm seen.txt; ${MEND}` }, { text: "Done." }] }] });
  const id = await submit({ target: "looked" });
  await expectLanded(stack, await ended(client, id), "looked");
  const told = JSON.stringify(calls().map((request) => request.model?.text));
  expect(told).toContain("HOME=/home/agent");
  expect(told).not.toContain(KEY);
  expect(told).not.toContain("slipmodel_");
}, 90_000);

test.each([
  ["error-401", "blocked", "BACKEND_AUTH"],
  ["quota", "blocked", "BACKEND_QUOTA"],
  ["error-529", "failed", "MODEL_OVERLOADED"],
  ["context", "failed", "CONTEXT_TOO_LONG"],
] as const)(
  "what Anthropic answers is the job's failure: %s → %s, %s",
  async (scenario, state, code) => {
    model.play(named(scenario));
    const { job } = await ended(client, await submit());
    expect(job, JSON.stringify(job.failure)).toMatchObject({ state, failure: { code } });
  },
  90_000,
);

test("a model that the gateway does not allow, and a budget without room, end the job at once", async () => {
  model.play(named("edit"));
  const other = await ended(client, await submit({ backendConfig: { model: "claude-opus-5-5" } }));
  expect(other.job).toMatchObject({ failure: { code: "MODEL_NOT_ALLOWED" } });
  const poor = await ended(client, await submit({ budget: { usd: 0.01 } }));
  expect(poor.job).toMatchObject({ failure: { code: "BUDGET_EXCEEDED", details: { unit: "usd" } } });
  expect(calls()).toHaveLength(0);
}, 90_000);
