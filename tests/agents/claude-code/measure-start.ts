/**
 * How long until the model's first request: from the call of the backend's turn, against the bare CLI with its own defaults, each the median of 5 runs; and
 * how long a revision takes, whose process is there. With `cold` the program's pages are dropped before each start, with the warm-up and without.
 * `PATH=$(node tests/agents/install.ts FOLDER):$PATH node tests/agents/claude-code/measure-start.ts [cold]`
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { claudeCodeBackend } from "@slipway/backend-claude-code/backend";
import { findClaude } from "@slipway/backend-claude-code/executable";
import { TOKEN } from "../matrix/agent-bench.ts";
import { named } from "../matrix/outcome.ts";
import { openBench } from "./bench.ts";

const RUNS = 5;
const run = promisify(execFile);
const PATH = process.env["PATH"] ?? "";
const program = await findClaude("claude", PATH);
if (program === undefined) throw new Error("claude is not on PATH");

async function backendMs(): Promise<number> {
  await using bench = await openBench(named("text"));
  const startedAtMs = performance.timeOrigin + performance.now();
  const turn = bench.run();
  const { arrivedAtMs } = await bench.server.requests.nthModelCall(1);
  await turn;
  return arrivedAtMs - startedAtMs;
}

async function revisionMs(): Promise<number> {
  await using bench = await openBench(named("text"));
  await bench.run();
  const startedAtMs = performance.timeOrigin + performance.now();
  const turn = bench.run({ turn: 2 });
  const { arrivedAtMs } = await bench.server.requests.nthModelCall(2);
  await turn;
  return arrivedAtMs - startedAtMs;
}

async function bareMs(): Promise<number> {
  await using bench = await openBench(named("text"));
  const env = { PATH, HOME: bench.home, TMPDIR: bench.workspace, ANTHROPIC_BASE_URL: bench.server.baseUrl, ANTHROPIC_API_KEY: TOKEN, IS_SANDBOX: "1" };
  const startedAtMs = performance.timeOrigin + performance.now();
  const args = ["-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "bypassPermissions", "Fix it."];
  const child = spawn(program ?? "claude", args, { cwd: bench.workspace, env, stdio: "ignore" });
  const exited = once(child, "exit");
  const { arrivedAtMs } = await bench.server.requests.nthModelCall(1);
  await exited;
  return arrivedAtMs - startedAtMs;
}

/** Drops the program's pages from the file cache: https://man7.org/linux/man-pages/man1/dd.1.html, `nocache`. */
async function drop(): Promise<void> {
  await run("dd", [`if=${program}`, "iflag=nocache", "count=0"]);
}

async function coldMs(): Promise<number> {
  await drop();
  return await backendMs();
}

async function warmedMs(): Promise<number> {
  await drop();
  await using bench = await openBench(named("text"));
  await claudeCodeBackend.warmUp?.({ home: bench.home, env: { PATH, HOME: bench.home }, signal: AbortSignal.timeout(60_000) });
  return await backendMs();
}

const measured: ReadonlyArray<readonly [string, () => Promise<number>]> = process.argv.includes("cold")
  ? [
      ["cold", coldMs],
      ["warmed up", warmedMs],
    ]
  : [
      ["bare", bareMs],
      ["backend", backendMs],
      ["revision", revisionMs],
    ];
const figures = new Map<string, number[]>(measured.map(([name]) => [name, []]));
// The first of each only fills the page cache.
for (let round = 0; round <= RUNS; round += 1) {
  for (const [name, measure] of measured) {
    const ms = await measure();
    if (round > 0) figures.get(name)?.push(ms);
  }
}
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
for (const [name, values] of figures) process.stdout.write(`${name}: ${median(values).toFixed(0)} ms (${values.map((ms) => ms.toFixed(0)).join(", ")})\n`);
