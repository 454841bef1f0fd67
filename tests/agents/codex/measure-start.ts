/**
 * How long until the model's first request: from the call of the backend's turn, against the bare CLI as npm starts it, each the median of 5 runs.
 * `PATH=$(node tests/agents/install.ts FOLDER):$PATH node tests/agents/codex/measure-start.ts`
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { named, openBench, TOKEN } from "./bench.ts";

const RUNS = 5;

async function backendMs(): Promise<number> {
  await using bench = await openBench(named("text"));
  const startedAtMs = performance.timeOrigin + performance.now();
  const turn = bench.run();
  const { arrivedAtMs } = await bench.server.requests.nthModelCall(1);
  await turn;
  return arrivedAtMs - startedAtMs;
}

async function bareMs(): Promise<number> {
  await using bench = await openBench(named("text"));
  const codexHome = join(bench.home, ".codex");
  await mkdir(codexHome);
  const provider = `model_providers.test={name="test",base_url="${bench.server.baseUrl}/v1",env_key="TEST_TOKEN",wire_api="responses"}`;
  const args = ["exec", "--json", "--skip-git-repo-check", "-c", 'model_provider="test"', "-c", provider, "Fix it."];
  const env = { PATH: process.env["PATH"] ?? "", HOME: bench.home, CODEX_HOME: codexHome, TMPDIR: bench.workspace, TEST_TOKEN: TOKEN };
  const startedAtMs = performance.timeOrigin + performance.now();
  const child = spawn("codex", args, { cwd: bench.workspace, env, stdio: "ignore" });
  const exited = once(child, "exit");
  const { arrivedAtMs } = await bench.server.requests.nthModelCall(1);
  await exited;
  return arrivedAtMs - startedAtMs;
}

const figures: Record<string, number[]> = { bare: [], backend: [] };
// The first of each only fills the page cache.
for (let round = 0; round <= RUNS; round += 1) {
  for (const [name, measure] of [
    ["bare", bareMs],
    ["backend", backendMs],
  ] as const) {
    const ms = await measure();
    if (round > 0) figures[name]?.push(ms);
  }
}
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
for (const [name, values] of Object.entries(figures))
  process.stdout.write(`${name}: ${median(values).toFixed(0)} ms (${values.map((ms) => ms.toFixed(0)).join(", ")})\n`);
