import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client } from "@slipway/protocol/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ended } from "../support/jobs.ts";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** A real agent over ACP through the whole pipeline: the second job of a backend finds its agent started, below a workspace that is mounted after that. */
const KEY = "sk-moonshot-real-key-4f1c9a7e52d84b0b9d36";
const MODEL = "kimi-k2.5";
const run = promisify(execFile);

let model: ModelServer;
let stack: Stack;
let repository: TestRepository;
let client: Client;

beforeAll(async () => {
  model = await startModelServer({ scenario: { turns: [{ steps: [{ text: "No scenario was set." }] }] }, key: KEY });
  const moonshot = { protocol: "openai", baseUrl: `${model.baseUrl}/v1`, key: "TEST_MODEL_KEY", models: [MODEL] };
  stack = await Stack.start({ gateway: { config: JSON.stringify({ providers: { moonshot } }), keys: { TEST_MODEL_KEY: KEY } } });
  client = await stack.client();
  repository = await makeRepository({
    "told.txt": "nothing\n",
    ".slipway.yaml": JSON.stringify({ version: 1, gates: [{ name: "test", run: "test -s told.txt" }] }),
  });
  await repository.register(client, "demo");
}, 240_000);

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await model?.[Symbol.asyncDispose]();
});

/** What the job's command told of itself, as it landed. BASH_ENV is set in an agent that was started before its job was known. */
async function jobTells(): Promise<{ id: string; job: string; folder: string; ahead: string }> {
  const shell = 'printf "%s\\n" "$SLIPWAY_JOB" "$PWD" "$(printenv BASH_ENV || echo no)" > told.txt';
  model.play({ turns: [{ steps: [{ text: "I look.", shell }, { text: "It is told." }] }] });
  const body = { repo: "demo", task: "Tell.", backend: "kimi", backendConfig: { model: MODEL }, maxAttempts: 1 };
  const { id } = (await client.call("submitJob", { body })).job;
  const detail = await ended(client, id);
  expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done" });
  const hub = join(stack.data, "server", "hub", detail.job.repo.id, "upstream.git");
  const [job = "", folder = "", ahead = ""] = (await git(hub, "show", `${detail.job.landedOid}:told.txt`)).split("\n");
  return { id, job, folder, ahead };
}

async function hasAgentWaiting(): Promise<boolean> {
  const { stdout } = await run("ps", ["-eo", "args"]);
  // It calls itself so once it is up.
  return stdout.split("\n").some((args) => /kimi.* acp$|^kimi-code$/.test(args));
}

test("the agent of a second job was started before it, and works in its workspace", async () => {
  const first = await jobTells();
  expect(first).toEqual({ id: first.id, job: first.id, folder: "/workspace", ahead: "no" });
  await vi.waitFor(async () => expect(await hasAgentWaiting()).toBe(true), { timeout: 60_000, interval: 200 });
  const second = await jobTells();
  expect(second).toEqual({ id: second.id, job: second.id, folder: "/workspace", ahead: "/home/agent/.slipway/job-environment.sh" });
}, 240_000);
