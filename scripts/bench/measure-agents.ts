import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "@slipway/images/engine/engine";
import { SlipwayError } from "@slipway/protocol/errors";
import { scriptBackend } from "../../backends/script/src/backend.ts";
import { type AgentBench, openAgentBench, type Place } from "../../tests/agents/matrix/agent-bench.ts";
import type { AgentUnderTest } from "../../tests/agents/matrix/agent-under-test.ts";
import { AGENTS_UNDER_TEST } from "../../tests/agents/matrix/agents.ts";
import { startModelServer } from "../../tests/support/model-server/server.ts";
import { BARE_AGENTS, prepareHome, TASK } from "./bare-agents.ts";
import { type Figure, figure, quantile } from "./figures.ts";
import { promptOverAcp } from "./prompt-over-acp.ts";

/** What the way through Slipway may cost beside the agent's own start, in ms. */
const ADDED_LIMIT_MS = 50;
/** What is left of the agent's own start, at most, where it was started ahead. */
const AHEAD_SHARE = 0.5;
const SCENARIO = { turns: [{ steps: [{ text: "Done." }] }] };
const KEY = "key-of-the-bench";

type Sandboxed = Exclude<Place, "direct">;

/** A measurement for each agent, `agent-codex` and so on: `measureAgent` of it. */
export const AGENT_MEASURES: Readonly<Record<string, (quick: boolean) => Promise<Figure[]>>> = Object.fromEntries(
  AGENTS_UNDER_TEST.map((agent) => [`agent-${agent.backend.name}`, (quick: boolean) => measureAgent(agent, quick ? 1 : 5)]),
);

/**
 * From the dispatch of a turn to the first request that reaches the model, against the agent's bare CLI as a person starts it, turn and turn about: in a
 * sandbox that has waited for a job of that backend, and in one that has waited for another. And the memory of a sandbox that waits. In containers too, where
 * this machine has the agent's image. BACKEND_NOT_INSTALLED where the agent is not here.
 */
async function measureAgent(agent: AgentUnderTest, rounds: number): Promise<Figure[]> {
  const { name } = agent.backend;
  const places = await placesOf(agent);
  const bare: number[] = [];
  const overAcp: number[] = [];
  const values = new Map(places.map((place) => [place, { other: [] as number[], own: [] as number[], idleMiB: [] as number[] }]));
  for (let round = 0; round <= rounds; round += 1) {
    // The first of each only fills the page cache.
    const keep = (list: number[], value: number): void => void (round > 0 && list.push(value));
    keep(bare, await bareStartMs(agent, BARE_AGENTS[name]?.argv ? "task" : "acp"));
    if (BARE_AGENTS[name]?.argv && BARE_AGENTS[name].acpArgv) keep(overAcp, await bareStartMs(agent, "acp"));
    for (const [place, { other, own, idleMiB }] of values) {
      keep(other, (await turnStart(agent, place, scriptBackend.name)).ms);
      const warm = await turnStart(agent, place, name);
      keep(own, warm.ms);
      keep(idleMiB, warm.idleMiB);
    }
  }
  const base = quantile(bare, 0.5);
  return [
    figure(`${name}: its bare CLI → first request`, "ms", bare),
    ...(overAcp.length === 0 ? [] : [figure("  the same, spoken to over ACP by the least of a client", "ms", overAcp)]),
    ...[...values].flatMap(([place, { other, own, idleMiB }]) => [
      figure(
        `  ${place}: dispatch → first request, added`,
        "ms",
        other.map((ms) => ms - base),
        { of: "median", limit: ADDED_LIMIT_MS, side: "below" },
        `in a sandbox that waited for another backend: ${quantile(other, 0.5).toFixed(0)} ms`,
      ),
      figure(
        `  ${place}: the same, warm, by the bare CLI's`,
        "×",
        own.map((ms) => ms / base),
        { of: "median", limit: AHEAD_SHARE, side: "below" },
        `in a sandbox that waited for this backend: ${quantile(own, 0.5).toFixed(0)} ms`,
      ),
      figure(`  ${place}: memory of a sandbox that waits`, "MiB", idleMiB, undefined, "PSS of all processes in it"),
    ]),
  ];
}

/** Where this agent can be played here. */
async function placesOf({ backend }: AgentUnderTest): Promise<Sandboxed[]> {
  const home = await mkdtemp(join(tmpdir(), "slipway-bench-probe-"));
  try {
    const { ok, found, remedy } = await backend.probe({ home, env: { PATH: process.env["PATH"] ?? "" }, signal: AbortSignal.timeout(60_000) });
    if (!ok) throw new SlipwayError("BACKEND_NOT_INSTALLED", `${backend.name} is not here: ${found}.`, { hint: remedy });
    return (await hasImage(backend.name)) ? ["bwrap", "docker"] : ["bwrap"];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function hasImage(name: string): Promise<boolean> {
  try {
    const images = await (await openEngine()).listImages({ filters: { reference: [`slipway/${name}`] } });
    return images.length > 0;
  } catch {
    // No engine answers: containers are not measured.
    return false;
  }
}

/** A turn in a sandbox that was warmed up for a backend. */
async function turnStart(agent: AgentUnderTest, place: Sandboxed, warmFor: string): Promise<{ ms: number; idleMiB: number }> {
  await using bench = await openAgentBench(agent, place, SCENARIO, { warmFor });
  await bench.warmedUp();
  const idleMiB = await memoryMiB(bench);
  const startedAtMs = nowMs();
  const turn = bench.run();
  const { arrivedAtMs } = await bench.server.requests.nthModelCall(1);
  const { result } = await turn;
  if (result.status !== "done") throw new Error(`a turn of the bench failed: ${result.failure.code}: ${result.failure.message}`);
  return { ms: arrivedAtMs - startedAtMs, idleMiB };
}

/** As a person starts it for one task, or as an editor that speaks ACP does. */
async function bareStartMs({ backend, finish }: AgentUnderTest, way: "task" | "acp"): Promise<number> {
  const bare = BARE_AGENTS[backend.name];
  if (!bare) throw new TypeError(`scripts/bench/bare-agents.ts does not say how ${backend.name} is started bare`);
  await using model = await startModelServer({ scenario: { turns: [{ steps: [{ text: "Done.", ...(finish === undefined ? {} : { shell: finish }) }] }] } });
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-bare-"));
  try {
    const place = { home: join(folder, "home"), workspace: join(folder, "work"), modelUrl: model.baseUrl, key: KEY };
    for (const path of [place.home, place.workspace]) await mkdir(path);
    await prepareHome(bare, place);
    const [command = "", ...args] = way === "acp" ? (bare.acpArgv ?? []) : (bare.argv?.(place) ?? []);
    const program = (await bare.program?.()) ?? command;
    const env = { PATH: process.env["PATH"] ?? "", HOME: place.home, TMPDIR: place.workspace, LANG: "C.UTF-8", ...bare.env?.(place) };
    const startedAtMs = nowMs();
    const child = spawn(program, args, { cwd: place.workspace, env, detached: true });
    // What it says is read, or it would wait for that.
    child.stderr.resume();
    if (way === "task") {
      child.stdin.end();
      child.stdout.resume();
    }
    const exited = once(child, "exit");
    const ended = exited.then(([code]) => Promise.reject(new Error(`the bare ${program} ended with ${code} and asked for nothing`)));
    const asked = way === "acp" ? promptOverAcp(child, place.workspace, TASK) : Promise.resolve();
    for (const promise of [ended, asked]) promise.catch(() => undefined);
    try {
      const [{ arrivedAtMs }] = await Promise.race([Promise.all([model.requests.nthModelCall(1), asked]), ended]);
      return arrivedAtMs - startedAtMs;
    } finally {
      // Some stay for seconds after their last word.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
      await exited;
    }
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

async function memoryMiB(bench: AgentBench): Promise<number> {
  let kib = 0;
  for (const pid of bench.insidePids()) {
    // One that ended meanwhile holds nothing.
    const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    kib += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
  }
  return kib / 1_024;
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
