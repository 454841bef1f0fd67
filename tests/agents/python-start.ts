/**
 * How long from the call of a turn until an agent that is a Python library makes its first request: cold, where its libraries are yet to be loaded, and where
 * its backend was warmed up; the median of 3 runs each. And the memory that a driver holds while it waits.
 * `PATH=$(node tests/agents/install.ts FOLDER):$PATH node tests/agents/python-start.ts miniswe`
 */

import { readFile } from "node:fs/promises";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import { createTestBench } from "@slipway/backend-sdk/test-kit";
import { processTable } from "@slipway/process/process-table";
import { startModelServer } from "../support/model-server/server.ts";
import { miniswe } from "./miniswe/agent.ts";
import { openhands } from "./openhands/agent.ts";

const RUNS = 3;
const AGENTS = { miniswe, openhands };
const agent = AGENTS[process.argv[2] as keyof typeof AGENTS];
if (!agent) throw new Error("name an agent: miniswe or openhands");

/** From the call of the turn to the first request, in ms. */
async function startMs(backend: BackendDefinition, isWarm: boolean): Promise<{ ms: number; residentMiB: number }> {
  await using server = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Done.", ...(agent?.finish ? { shell: agent.finish } : {}) }] }] } });
  await using bench = await createTestBench({ "README.md": "# demo\n" });
  const env = { PATH: process.env["PATH"] ?? "", HOME: bench.home };
  let residentMiB = 0;
  if (isWarm) {
    await backend.warmUp?.({ home: bench.home, env, signal: AbortSignal.timeout(120_000) });
    const own = processTable()
      .list(undefined)
      .filter(({ parent }) => parent === process.pid);
    for (const { pid } of own) residentMiB = Math.max(residentMiB, await residentOf(pid));
  }
  const startedAtMs = performance.timeOrigin + performance.now();
  const turn = bench.runTurn(backend, { config: {}, prompt: "Fix it.", model: { baseUrl: server.baseUrl, token: "t" }, env });
  const { arrivedAtMs } = await server.requests.nthModelCall(1);
  const { result } = await turn;
  if (result.status !== "done") throw new Error(JSON.stringify(result));
  return { ms: arrivedAtMs - startedAtMs, residentMiB };
}

async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const figures: Record<string, number[]> = { cold: [], warm: [] };
let residentMiB = 0;
for (let round = 0; round < RUNS; round += 1) {
  for (const name of ["cold", "warm"]) {
    const found = await startMs(agent.backend, name === "warm");
    figures[name]?.push(found.ms);
    residentMiB = Math.max(residentMiB, found.residentMiB);
  }
}
for (const [name, values] of Object.entries(figures))
  process.stdout.write(`${name}: ${median(values).toFixed(0)} ms (${values.map((ms) => ms.toFixed(0)).join(", ")})\n`);
process.stdout.write(`a driver that waits: ${residentMiB.toFixed(0)} MiB\n`);
process.exit(0);
