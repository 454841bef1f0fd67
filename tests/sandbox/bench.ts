import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentEvent } from "@slipway/protocol/events";
import type { TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { createSandboxProvider, type SandboxSettings } from "../../apps/worker/src/sandbox/create.ts";
import type { Sandbox, SandboxCommand, SandboxProvider, SandboxSpec, TurnOptions } from "../../apps/worker/src/sandbox/sandbox.ts";
import { testImage } from "../support/docker-image.ts";

export const INSTALL_ROOT = join(import.meta.dirname, "../..");
/** Where an image has what it carries of an installation. */
export const IMAGE_ROOT = "/opt/slipway";
/** `none by ps`: without isolation, with the list of processes that macOS has. */
export type Kind = "bwrap" | "docker" | "none" | "none by ps";

/** A data folder of its own, with a provider over it; its end is the end of all that was started. */
export interface SandboxBench extends AsyncDisposable {
  readonly data: string;
  readonly runtimeFolder: string;
  readonly provider: SandboxProvider;
  spec(name?: string): Promise<SandboxSpec>;
  start(name?: string): Promise<Sandbox>;
}

export async function openBench(kind: Kind, more: Partial<SandboxSettings> = {}): Promise<SandboxBench> {
  const data = await mkdtemp(join(tmpdir(), "slipway-sandbox-"));
  const runtimeFolder = await mkdtemp(join(tmpdir(), "slipway-rt-"));
  if (kind === "none by ps") process.env["SLIPWAY_PROCESS_TABLE"] = "ps";
  const docker = await dockerSettings(kind, data);
  const provider = createSandboxProvider(sandboxKindOf(kind), { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [data], ...docker, ...more });
  const started: Sandbox[] = [];
  let count = 0;
  const spec = async (name?: string): Promise<SandboxSpec> => {
    count += 1;
    const root = join(data, "worker/attempts", name ?? `sandbox-${count}`);
    const folders = { workspace: join(root, "workspace"), home: join(root, "home"), spool: join(root, "spool"), control: join(root, "control") };
    for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
    return { id: `${data}/${name ?? count}`, ...folders, readOnly: [] };
  };
  return {
    ...{ data, runtimeFolder, provider, spec },
    async start(name) {
      const sandbox = await provider.start(await spec(name), never());
      started.push(sandbox);
      return sandbox;
    },
    async [Symbol.asyncDispose]() {
      for (const sandbox of started) await sandbox.end();
      delete process.env["SLIPWAY_PROCESS_TABLE"];
      await rm(data, { recursive: true, force: true });
      await rm(runtimeFolder, { recursive: true, force: true });
    },
  };
}

export function sandboxKindOf(kind: Kind): SandboxKind {
  return kind === "none by ps" ? "none" : kind;
}

/** Images and label of a worker in containers; nothing for others. */
export async function dockerSettings(kind: Kind, workerLabel: string): Promise<Pick<SandboxSettings, "docker">> {
  return kind === "docker" ? { docker: { images: [await testImage()], workerLabel } } : {};
}

/** Of a sandbox with namespaces of its own. */
export function isIsolated(kind: Kind): boolean {
  return kind === "bwrap" || kind === "docker";
}

/** A signal that is never aborted. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

export interface Played {
  readonly result: TurnResult;
  readonly events: Array<{ ordinal: number; event: AgentEvent }>;
}

/** Plays steps of the script backend as one turn. */
export async function play(
  sandbox: Sandbox,
  steps: unknown[],
  options: Partial<TurnOptions> & { request?: Partial<TurnRequest>; onEach?: (event: AgentEvent) => void | Promise<void> } = {},
): Promise<Played> {
  const events: Played["events"] = [];
  const result = await sandbox.turn(request(sandbox, steps, options.request), {
    afterOrdinal: options.afterOrdinal ?? 0,
    signal: options.signal ?? never(),
    async onEvent(ordinal, _at, event) {
      events.push({ ordinal, event });
      await options.onEach?.(event);
    },
  });
  return { result, events };
}

export function request(sandbox: Pick<Sandbox, "inside">, steps: unknown[], changes: Partial<TurnRequest> = {}): TurnRequest {
  return {
    type: "turn",
    turnId: "turn-1",
    turn: 1,
    backend: "script",
    config: { script: { turns: [steps] } },
    prompt: "Do it.",
    workspace: sandbox.inside.workspace,
    home: sandbox.inside.home,
    env: { PATH: sandbox.inside.path, HOME: sandbox.inside.home },
    secrets: {},
    timeoutMs: 20_000,
    stallMs: 20_000,
    ...changes,
  };
}

/** The text of a log stream, put together from its chunks; fails where their offsets do not join. */
export function logText(events: Played["events"], stream = "stdout"): string {
  const chunks = events.flatMap(({ event }) => (event.kind === "log" && event.data.stream === stream ? [event.data] : []));
  const parts: Buffer[] = [];
  let offset = 0;
  for (const chunk of chunks) {
    if (chunk.offset !== offset) throw new Error(`a chunk begins at ${chunk.offset}, expected ${offset}`);
    const bytes = Buffer.from(chunk.text, chunk.encoding);
    offset += bytes.length;
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString("utf8");
}

export function shell(text: string, changes: Partial<SandboxCommand> = {}): SandboxCommand {
  return { argv: ["sh", "-c", text], env: {}, network: "none", timeoutMs: 20_000, outputLimitBytes: 1_000_000, ...changes };
}

/** Resolves when `check` is true; looks every 10 ms, for things that no event tells of. */
export async function until(check: () => boolean, limitMs = 10_000): Promise<void> {
  const endAt = performance.now() + limitMs;
  while (!check()) {
    if (performance.now() > endAt) throw new Error("it did not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
