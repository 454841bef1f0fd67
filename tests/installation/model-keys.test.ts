import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { git, Playground } from "../cli/slipway.ts";
import { pluginFolder } from "../support/plugin-folder.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
beforeEach(async () => {
  ground = await Playground.make();
});
afterEach(async () => await ground[Symbol.asyncDispose]());

const NO_SANDBOX = ["--sandbox", "none"];
const PARTS = ["server", "worker", "integrator", "gateway"] as const;

const OWN_PROVIDER = "providers:\n  own:\n    baseUrl: http://127.0.0.1:9/v1\n    key: OWN_MODEL_KEY\n";

/** The environments of the processes that serve this data folder, by part. */
async function environments(data: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""); // Ended meanwhile.
    const part = PARTS.find((name) => command.includes(`/apps/${name}/src/main.ts\0`));
    if (part && command.includes(`\0${data}\0`)) found[part] = await readFile(`/proc/${pid}/environ`, "utf8");
  }
  return found;
}

test.skipIf(!existsSync("/proc/self/environ"))("the keys of models reach the gateway, and no other process", async () => {
  const config = join(ground.folder, "models.yaml");
  await writeFile(config, OWN_PROVIDER);
  const keys = { OPENAI_API_KEY: "sk-well-known-4711", OWN_MODEL_KEY: "sk-own-4711", ANTHROPIC_API_KEY: "sk-other-4711" };
  const up = ground.with({ ...keys, SLIPWAY_GATEWAY_CONFIG: config, HARMLESS: "kept" }).start(ground.folder, "up", "--port", "0", ...NO_SANDBOX);
  await up.says("slipway jobs");
  const { gateway, ...others } = await environments(ground.data);
  for (const [name, value] of Object.entries({ ...keys, SLIPWAY_GATEWAY_CONFIG: config })) expect(gateway).toContain(`${name}=${value}\0`);
  expect(Object.keys(others).sort()).toEqual(["integrator", "server", "worker"]);
  for (const environment of Object.values(others)) {
    expect(environment).toContain("HARMLESS=kept\0");
    expect(environment).not.toMatch(/4711|SLIPWAY_GATEWAY_CONFIG/);
  }
});

test("up tells which providers lack a key, and keeps all four processes; Ctrl-C stops them", async () => {
  const up = ground.start(ground.folder, "up", "--port", "0", ...NO_SANDBOX);
  await up.says(/models +openai \(no OPENAI_API_KEY yet/);
  await up.says("slipway jobs");
  const doctor = JSON.parse((await ground.slipway(ground.folder, "doctor", "--json", ...NO_SANDBOX)).stdout);
  expect(checkOf(doctor, "process")).toMatchObject({ ok: true, required: false, found: "answers" });
  const backends = JSON.parse((await ground.slipway(ground.folder, "backends", "--json")).stdout);
  expect(backends.workers).toHaveLength(1);
  expect(backends.backends).toContainEqual(expect.objectContaining({ name: "script", needsModel: false, workers: backends.workers }));
  up.signal("SIGINT");
  expect((await up.end()).code).toBe(0);
  expect(Object.keys(existsSync("/proc") ? await environments(ground.data) : {})).toEqual([]);
});

test("a wrong gateway.yaml: up and doctor name file, line and column; up starts nothing; a job without a model lands all the same", async () => {
  await mkdir(ground.data, { recursive: true, mode: 0o700 });
  await writeFile(join(ground.data, "gateway.yaml"), "version: 1\nproviders:\n  own:\n    baseUrl: nonsense\n");
  const { code, stderr } = await ground.slipway(ground.folder, "up", "--port", "0", ...NO_SANDBOX);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error INVALID_CONFIG: .*gateway\.yaml:4:14: providers\.own\.baseUrl/);
  expect(existsSync(join(ground.data, "logs"))).toBe(false);
  const doctor = await ground.slipway(ground.folder, "doctor", "--json", ...NO_SANDBOX);
  expect(doctor.code).toBe(1);
  expect(checkOf(JSON.parse(doctor.stdout), "configuration")).toMatchObject({ ok: false, required: true, found: expect.stringContaining("gateway.yaml:4:14") });
  const root = await ground.repository("modelless");
  const greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
  const run = await ground.slipway(root, "run", "Greet", ...NO_SANDBOX, ...greet);
  expect(run.code, run.stdout + run.stderr).toBe(0);
  // Its agent may need one, so that the gateway has to start.
  const refused = await ground.slipway(root, "run", "Greet", ...NO_SANDBOX, "--backend", "another");
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/error INVALID_CONFIG: .*gateway\.yaml:4:14/)]);
  expect(existsSync(join(ground.data, "server.json"))).toBe(false);
});

test("SLIPWAY_GATEWAY_CONFIG that names no file is told, not passed over", async () => {
  const { code, stderr } = await ground.with({ SLIPWAY_GATEWAY_CONFIG: "/nowhere/gateway.yaml" }).slipway(ground.folder, "up", "--port", "0", ...NO_SANDBOX);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error INVALID_CONFIG: .*\/nowhere\/gateway\.yaml/);
  expect(stderr).toContain("SLIPWAY_GATEWAY_CONFIG");
});

test("backends: what is here, and the command that gives a missing key away to nobody", async () => {
  const { code, stdout, stderr } = await ground.slipway(ground.folder, "backends");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^script +a shell.*not needed/m);
  expect(stdout).toMatch(/^openai +no OPENAI_API_KEY +not asked +https:\/\/api\.ope/m);
  const file = join(ground.data, "secrets/gateway/NAME");
  expect(stdout).toContain(`sh -c 'umask 077; mkdir -p ${join(ground.data, "secrets/gateway")} && cat >${file}'\n`);
});

test("a backend that needs a model is warned of before the job is submitted where no key is there, and only there", async () => {
  const root = await ground.repository("keyless", { ".slipway.yaml": "version: 1\nbackend: thinker\n" });
  await using plugins = await pluginFolder({ thinker: { backends: { thinker: "./backend.js" }, files: { "backend.js": THINKER } } });
  const environment = { SLIPWAY_BACKENDS: plugins.path };
  const warned = await ground.with(environment).slipway(root, "run", "Think", ...NO_SANDBOX);
  expect(warned.stderr.replaceAll("\n", " ")).toContain("The backend thinker needs a model, and none of the keys OPENAI_API_KEY, ANTHROPIC_API_KEY,");
  expect(warned.stdout).toContain(join(ground.data, "secrets/gateway/OPENAI_API_KEY"));
  const given = await ground.with({ ...environment, OPENAI_API_KEY: "sk-given-4711" }).slipway(root, "run", "Think", ...NO_SANDBOX);
  expect(given.stderr).not.toContain("needs a model");
  expect(given.stdout + given.stderr).not.toContain("4711");
  expect(await git(root, "branch", "--list", "slipway/*")).not.toBe("");
});

/** Says that it needs a model, and gets by without one. */
const THINKER = `
  import { writeFileSync } from "node:fs";
  import { join } from "node:path";
  import { defineBackend } from "@slipway/backend-sdk/define-backend";
  import { z } from "zod";
  export const backend = defineBackend({
    name: "thinker",
    version: "1.0.0",
    summary: "Thinks.",
    capabilities: { resume: false, usage: false, plan: false, model: true },
    secrets: [],
    image: { npm: [], apt: [] },
    config: z.strictObject({ model: z.string().optional() }),
    async probe() { return { ok: true, tried: "to think", found: "thoughts" }; },
    async turn(context) {
      writeFileSync(join(context.workspace, "thought.txt"), "I am.");
      return { status: "done", finalText: "thought" };
    },
  });
`;

test("budgets and the model reach the job, and show tells the budget", async () => {
  const root = await ground.repository("bounded");
  const greet = await ground.script("greet", [{ write: { path: "greeting.txt", content: "hello\n" } }]);
  const limits = ["--budget-tokens", "200k", "--budget-usd", "$2.50", "--attempt-budget-tokens", "1.5m", "--attempt-budget-usd", "1"];
  const run = await ground.slipway(root, "run", "Greet", "--json", ...NO_SANDBOX, ...greet, ...limits);
  expect(run.code, run.stdout + run.stderr).toBe(0);
  expect(JSON.parse(run.stdout).job.budget).toEqual({ tokens: 200_000, usd: 2.5, attemptTokens: 1_500_000, attemptUsd: 1 });
  expect((await ground.slipway(root, "show", "1")).stdout).toMatch(/budget +200k tokens, \$2\.50; an attempt 1\.5m tokens, \$1\.00/);
});

function checkOf(report: { checks: Array<{ group: string; name: string }> }, name: string): unknown {
  return report.checks.find((check) => check.group === "gateway" && check.name === name);
}
