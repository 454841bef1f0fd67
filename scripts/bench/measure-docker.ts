import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultImages } from "@slipway/images/engine/choose-image";
import { openEngine } from "@slipway/images/engine/engine";
import type { TurnRequest } from "@slipway/protocol/runner-protocol";
import { newId } from "@slipway/protocol/scalars";
import { execa } from "execa";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { findImage } from "../../apps/worker/src/sandbox/docker/image.ts";
import type { Sandbox, SandboxProvider, SandboxSpec } from "../../apps/worker/src/sandbox/sandbox.ts";
import { type Figure, figure, quantile } from "./figures.ts";

/** Whose runner an image must have. */
export const INSTALL_ROOT = join(import.meta.dirname, "../..");
export const VERSION = "0.1.0";
/** What each of the ways starts: a process that tells when it began, on the clock that all of the machine share, in ns. */
const TELL = "date +%s%N";
const LIMIT_MS = 60_000;

/**
 * From the dispatch of a turn to the agent's process in a warm container, against `docker exec` into it and `docker run` of the same image, turn and turn
 * about. SANDBOX_UNAVAILABLE where no engine answers, or it has no image of this installation.
 */
export async function measureDocker(quick: boolean): Promise<Figure[]> {
  const named = process.env["SLIPWAY_IMAGE"];
  const images = named === undefined ? defaultImages(VERSION) : [named];
  const engine = await openEngine();
  const { name: image } = await findImage(engine, images, INSTALL_ROOT);
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-"));
  const settings = { runtimeFolder: join(folder, "run"), installRoot: INSTALL_ROOT, maskPaths: [], docker: { images, workerLabel: folder } };
  const provider = createSandboxProvider("docker", settings);
  try {
    await provider.probe();
    const values = await measureAll(provider, folder, image, quick ? 3 : 20);
    const warm = quantile(values.warm, 0.5);
    const times = (of: readonly number[]): number[] => [quantile(of, 0.5) / warm];
    return [
      figure("docker: dispatch → agent spawned, warm", "ms", values.warm, { of: "median", limit: 10, side: "below" }, `image ${image}`),
      figure(
        "  docker exec, by the warm one",
        "×",
        times(values.exec),
        { of: "median", limit: 10, side: "above" },
        `${quantile(values.exec, 0.5).toFixed(0)} ms`,
      ),
      figure("  docker run, by the warm one", "×", times(values.run), { of: "median", limit: 50, side: "above" }, `${quantile(values.run, 0.5).toFixed(0)} ms`),
      figure("  command in a container started ahead", "ms", values.ahead, undefined, "a gate: its own container, until its exit is known"),
      figure("  command in a container of its own", "ms", values.fresh, undefined, "the same, with nothing started ahead"),
      figure("  refill: container asked for → ready", "ms", values.start),
      figure("  refill: CPU of a container until ready", "ms", values.cpu, undefined, "processor time of what runs in it, without the engine's"),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureAll(provider: SandboxProvider, folder: string, image: string, rounds: number) {
  const values = { warm: [], exec: [], run: [], ahead: [], fresh: [], start: [], cpu: [] } as Record<
    "warm" | "exec" | "run" | "ahead" | "fresh" | "start" | "cpu",
    number[]
  >;
  const signal = new AbortController().signal;
  for (let round = 0; round <= rounds; round += 1) {
    const startedAtMs = performance.now();
    await using sandbox = await provider.start(await specIn(folder), signal);
    const start = performance.now() - startedAtMs;
    const id = sandbox.record.container?.id ?? "";
    // What loads behind the hello is a part of getting ready, and of no job.
    await settled(id);
    const cpu = await cpuMs(id);
    const [warm, exec, run] = [
      await turnMs(sandbox),
      await toldMs(["exec", id, "sh", "-c", TELL]),
      await toldMs(["run", "--rm", "--network", "none", image, "sh", "-c", TELL]),
    ];
    const fresh = await commandMs(sandbox, signal);
    sandbox.expect?.({ network: "none" });
    await settledCommand(id);
    const ahead = await commandMs(sandbox, signal);
    // The first of each only fills the page cache.
    if (round > 0) for (const [name, value] of Object.entries({ warm, exec, run, ahead, fresh, start, cpu })) values[name as keyof typeof values].push(value);
  }
  return values;
}

async function specIn(folder: string): Promise<SandboxSpec> {
  const id = newId();
  const root = join(folder, id);
  const folders = { workspace: join(root, "workspace"), home: join(root, "home"), spool: join(root, "spool"), control: join(root, "control") };
  for (const path of Object.values(folders)) await mkdir(path, { recursive: true });
  return { id, ...folders, readOnly: [] };
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** From the turn's dispatch until its agent's process began. */
async function turnMs(sandbox: Sandbox): Promise<number> {
  let text = "";
  const request: TurnRequest = {
    type: "turn",
    turnId: "turn-1",
    turn: 1,
    backend: "script",
    config: { script: { turns: [[{ shell: TELL }]] } },
    prompt: "bench",
    workspace: sandbox.inside.workspace,
    home: sandbox.inside.home,
    env: { PATH: sandbox.inside.path, HOME: sandbox.inside.home },
    secrets: {},
    timeoutMs: LIMIT_MS,
    stallMs: LIMIT_MS,
  };
  const startedAtMs = nowMs();
  const result = await sandbox.turn(request, {
    afterOrdinal: 0,
    signal: AbortSignal.timeout(LIMIT_MS),
    onEvent: async (_ordinal, _at, event) => {
      if (event.kind === "log") text += event.data.text;
    },
  });
  if (result.status !== "done") throw new Error(`a turn of the bench failed: ${result.failure.message}`);
  return Number(text) / 1e6 - startedAtMs;
}

/** From the start of the engine's command line until the process inside began. */
async function toldMs(args: readonly string[]): Promise<number> {
  const startedAtMs = nowMs();
  const { stdout } = await execa("docker", args, { timeout: LIMIT_MS });
  return Number(stdout) / 1e6 - startedAtMs;
}

async function commandMs(sandbox: Sandbox, signal: AbortSignal): Promise<number> {
  const startedAtMs = performance.now();
  await sandbox.run({ argv: ["true"], env: {}, network: "none", timeoutMs: LIMIT_MS, outputLimitBytes: 1_000 }, signal);
  return performance.now() - startedAtMs;
}

/** Processor time of all that ran in a container, in ms. */
async function cpuMs(id: string): Promise<number> {
  const engine = await openEngine();
  const stats = await engine.getContainer(id).stats({ stream: false, "one-shot": true });
  return stats.cpu_stats.cpu_usage.total_usage / 1e6;
}

/** Resolves when what runs in a container takes no more processor time. */
async function settled(id: string): Promise<void> {
  for (let before = Number.NaN, now = await cpuMs(id); Math.abs(now - before) > 2 || Number.isNaN(before); ) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    before = now;
    now = await cpuMs(id);
  }
}

/** Resolves when a container for a command waits beside the one with this id. */
async function settledCommand(id: string): Promise<void> {
  const endAtMs = performance.now() + LIMIT_MS;
  const engine = await openEngine();
  const { Config } = await engine.getContainer(id).inspect();
  const label = Object.entries(Config.Labels)
    .filter(([name]) => name === "dev.slipway.worker" || name === "dev.slipway.sandbox")
    .map(([name, value]) => `${name}=${value}`);
  while (performance.now() < endAtMs) {
    const waiting = await engine.listContainers({ filters: { label: [...label, "dev.slipway.part=command"], status: ["running"] } });
    if (waiting.length > 0) {
      await settled(waiting[0]?.Id ?? "");
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("no container was started ahead");
}
