import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import { execa } from "execa";
import { type ModelServer, startModelServer } from "../../tests/support/model-server/server.ts";
import { BenchStack } from "./bench-stack.ts";
import { type Figure, figure, quantile } from "./figures.ts";

const MODEL = "scripted";
/** What the way through Slipway may cost beside the agent's own start, in ms. */
const ADDED_LIMIT_MS = 50;

/**
 * From the start of the agent's turn to the first request that reaches the model, against the bare Codex CLI started as npm starts it, turn and turn about.
 * The workspace and the sandbox are ready by then: they are measured as a job's overhead.
 */
export async function measureAgentStart(quick: boolean): Promise<Figure[]> {
  const found = await execa("codex", ["--version"], { reject: false, stdin: "ignore" });
  if (found.failed) throw new SlipwayError("BACKEND_NOT_INSTALLED", "The agent `codex` is not on PATH.", { hint: "`slipway backends` says how to get it." });
  await using model = await startModelServer({ scenario: { turns: [{ steps: [{ shell: "echo bench > bench.txt" }, { text: "Done." }] }] } });
  const provider = { baseUrl: `${model.baseUrl}/v1`, models: [MODEL] };
  await using stack = await BenchStack.start(["gateway", "worker", "integrator"], { providers: { openai: provider } });
  const { repository, oid } = await stack.repository(10);
  const values = { bare: [] as number[], slipway: [] as number[] };
  for (let round = 0; round <= (quick ? 3 : 10); round += 1) {
    const bare = await bareStartMs(model);
    const slipway = await turnStartMs(stack, model, { repo: repository.id, base: oid });
    // The first of each only fills the page cache, and the sandboxes that wait for a job.
    if (round === 0) continue;
    values.bare.push(bare);
    values.slipway.push(slipway);
  }
  const base = quantile(values.bare, 0.5);
  const bar = { of: "median", limit: ADDED_LIMIT_MS, side: "below" } as const;
  return [
    figure(
      "codex: dispatch → first request, added",
      "ms",
      values.slipway.map((ms) => ms - base),
      bar,
      "beyond the bare CLI's own start; negative: faster",
    ),
    figure("  bare CLI, as npm starts it", "ms", values.bare),
    figure("  turn dispatched → model", "ms", values.slipway),
  ];
}

async function turnStartMs(stack: BenchStack, model: ModelServer, job: { repo: string; base: string }): Promise<number> {
  const before = model.requests.modelCalls().length;
  const { id } = await stack.submit({ ...job, task: "bench", backend: "codex", backendConfig: { model: MODEL }, lane: "interactive" });
  let startedAtMs = Number.NaN;
  for await (const frame of stack.client().follow(id)) {
    if (frame.type !== "event") continue;
    // A whole number of ms of the worker's clock, rounded down: the figure is up to 1 ms too large, never too small.
    if (frame.event.kind === "turn" && frame.event.data.status === "started") startedAtMs = frame.event.at;
  }
  const { job: ended } = await stack.client().call("getJob", { params: { job: id } });
  if (ended.state !== "done") throw new Error(`a job of the bench is ${ended.state} ${ended.failure?.code ?? ""} ${ended.failure?.message ?? ""}`);
  const first = await model.requests.nthModelCall(before + 1);
  return first.arrivedAtMs - startedAtMs;
}

async function bareStartMs(model: ModelServer): Promise<number> {
  const before = model.requests.modelCalls().length;
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-codex-"));
  try {
    const [home, work] = [join(folder, "home"), join(folder, "work")];
    for (const path of [home, work]) await mkdir(path);
    const provider = `model_providers.bench={name="bench",base_url="${model.baseUrl}/v1",env_key="BENCH_KEY",wire_api="responses"}`;
    const settings = ["-c", 'model_provider="bench"', "-c", provider, "-m", MODEL];
    const args = ["exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", ...settings, "bench"];
    const env = { PATH: process.env["PATH"] ?? "", HOME: home, CODEX_HOME: home, TMPDIR: work, BENCH_KEY: "none" };
    const startedAtMs = performance.timeOrigin + performance.now();
    const child = spawn("codex", args, { cwd: work, env, stdio: "ignore" });
    const exited = once(child, "exit");
    const first = await model.requests.nthModelCall(before + 1);
    await exited;
    return first.arrivedAtMs - startedAtMs;
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}
