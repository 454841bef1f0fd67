import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allEvents } from "../support/jobs.ts";
import { type ModelServer, startModelServer } from "../support/model-server/server.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** MCP servers from `.slipway.yaml` and from `slipway run` to real agents: their model calls a tool of each, and the job lands what they said. */

const KEY = "sk-real-key-of-the-mcp-pipeline-5b1e";
const SECRET = "secret-of-the-tide-server-77c1";
const ROOT = join(import.meta.dirname, "..", "..");
const TIDES = "tide-server.mjs";

let model: ModelServer;
let stack: Stack;
let repository: TestRepository;
let client: Client;
let own: string;

beforeAll(async () => {
  // Codex knows tools by server and name apart, Claude Code by both in one.
  model = await startModelServer({
    key: KEY,
    scenario: ({ step, tools, toolResults, text, prompt }) => {
      if (prompt.includes("Only look")) return step === 0 ? { text: "I look.", shell: "cat look.txt" } : { text: `It says: ${toolResults.at(-1)}` };
      const tool = (server: string) =>
        tools.some(({ namespace }) => namespace === `mcp__${server}`) ? `mcp__${server}/high_water` : `mcp__${server}__high_water`;
      const ask = (server: string, harbour: string) => ({ calls: [{ tool: tool(server), input: { harbour } }] });
      if (step === 0) return { text: "I ask the first one.", ...ask("tides", "Brest") };
      if (step === 1) return { text: "I ask the other one.", ...ask("own", "Calais") };
      if (step === 2) return { text: "I write it down.", shell: `cat > tides.txt <<'END'\n${said(text)}\nEND` };
      return { text: `Written. ${toolResults.length}` };
    },
  });
  const provider = (path: string) => ({ baseUrl: `${model.baseUrl}${path}`, key: "TEST_MODEL_KEY", models: ["scripted"] });
  const config = JSON.stringify({
    providers: { openai: provider("/v1"), anthropic: { ...provider("/v1"), protocol: "anthropic" } },
    prices: { scripted: { input: 1, cachedInput: 0.1, output: 10, maxOutputTokens: 4_000 } },
  });
  stack = await Stack.start({ gateway: { config, keys: { TEST_MODEL_KEY: KEY } } });
  await mkdir(join(stack.data, "secrets/worker"), { recursive: true, mode: 0o700 });
  await writeFile(join(stack.data, "secrets/worker/MCP_TIDES"), SECRET, { mode: 0o600 });
  client = await stack.client();
  const mcpServers = { tides: { command: "node", args: [TIDES, "--of-the-repository"] }, own: { command: "false" } };
  repository = await makeRepository({
    "look.txt": "mind the tides\n",
    [TIDES]: await readFile(join(ROOT, "tests/support", TIDES), "utf8"),
    ".slipway.yaml": JSON.stringify({ mcpServers, gates: [{ name: "test", run: "grep -q Brest tides.txt && grep -q Calais tides.txt" }] }),
  });
  own = join(stack.data, "own-servers.yaml");
  await writeFile(own, `own: {command: node, args: [${TIDES}, --of-the-job], secrets: {TIDE_KEY: MCP_TIDES}}\n`);
}, 120_000);

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await model?.[Symbol.asyncDispose]();
});

function said(text: string): string {
  return [...text.matchAll(/High water at [^)]+\)/g)].map(([line]) => line).join("\n");
}

async function slipway(...args: string[]) {
  const env = { SLIPWAY_URL: stack.url, SLIPWAY_TOKEN_FILE: join(stack.data, "tokens/admin.token"), NO_COLOR: "1" };
  return await execa(process.execPath, [join(ROOT, "apps/cli/src/main.ts"), ...args], { cwd: repository.root, env, reject: false });
}

test.each(["codex", "claude-code"])(
  "a job of %s has the repository's server and its own, which takes the place of one of the same name",
  async (backend) => {
    const run = await slipway("run", "Ask for the tides.", "--backend", backend, "--model", "scripted", "--mcp-servers", own, "--json");
    expect(run.exitCode, run.stderr + run.stdout).toBe(0);
    const { job } = JSON.parse(run.stdout) as { job: { id: string; landedOid: string } };
    const digest = createHash("sha256").update(SECRET).digest("hex").slice(0, 8);
    const lines = ["High water at Brest: 04:12 (--of-the-repository; no key)", `High water at Calais: 04:12 (--of-the-job; key ${digest})`];
    const hub = join(stack.data, "server", "hub", (await client.call("getJob", { params: { job: job.id } })).job.repo.id, "upstream.git");
    expect(await git(hub, "show", `${job.landedOid}:tides.txt`)).toBe(lines.join("\n"));
    const events = await allEvents(client, job.id);
    const calls = events.flatMap((event) => (event.kind === "tool-call" ? [event.data] : []));
    const results = events.flatMap((event) => (event.kind === "tool-result" ? [event.data] : []));
    for (const line of lines) {
      const result = results.find(({ output }) => output.includes(line));
      expect(calls.find(({ callId }) => callId === result?.callId)?.name).toContain("high_water");
    }
    expect(JSON.stringify(events)).not.toContain(SECRET);
  },
  120_000,
);

test.each(["codex", "claude-code"])(
  "a read-only job of %s ends with what it answers",
  async (backend) => {
    const run = await slipway(
      "run",
      "What does look.txt say?",
      "--backend",
      backend,
      "--model",
      "scripted",
      "--read-only",
      "--mcp-servers",
      await onlyOwn(),
      "--json",
    );
    expect(run.exitCode, run.stderr + run.stdout).toBe(0);
    const { job, answer } = JSON.parse(run.stdout) as { job: object; answer: string };
    expect(job).toMatchObject({ state: "done", readOnly: true, landedOid: null });
    expect(answer).toMatch(/It says: [\s\S]*mind the tides/);
  },
  120_000,
);

/** The repository's server of this name never starts. */
async function onlyOwn(): Promise<string> {
  await writeFile(own, `own: {command: node, args: [${TIDES}]}\n`);
  return own;
}

test("an agent whose server does not start says which one", async () => {
  await writeFile(own, "broken: {command: no-such-server}\n");
  for (const backend of ["codex", "claude-code"]) {
    const run = await slipway("run", "Ask for the tides.", "--backend", backend, "--model", "scripted", "--mcp-servers", own);
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr + run.stdout).toMatch(/MCP_SERVER_FAILED[\s\S]*(broken|own)/);
  }
}, 120_000);

test("a backend without MCP refuses a job's servers at submit, and does not mind the repository's", async () => {
  const script = join(stack.data, "steps.yaml");
  await writeFile(script, "turns: [{steps: [{write: {path: tides.txt, content: 'Brest Calais'}}]}]\n");
  const job = ["Ask for the tides.", "--backend", "script", "--backend-config", `script=@${script}`];
  const refused = await slipway("submit", ...job, "--mcp-servers", own);
  expect(refused.stderr).toMatch(/INVALID_REQUEST: mcpServers: the backend script starts no MCP servers/);
  expect(refused.stderr).toMatch(/claude-code, codex/);
  const run = await slipway("run", ...job);
  expect(run.exitCode, run.stderr).toBe(0);
}, 60_000);
