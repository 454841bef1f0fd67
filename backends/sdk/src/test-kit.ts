import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { AgentEvent } from "@slipway/protocol/events";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import type { PermissionPolicy } from "@slipway/protocol/turn-settings";
import type { z } from "zod";
import type { BackendDefinition, McpServer, ModelAccess, TurnImage } from "./backend.ts";
import { parseBackendConfig } from "./config.ts";

/** What a test sets of a turn; the rest is an empty prompt, the first turn, no secrets, and PATH and HOME. */
export interface TurnOptions {
  /** `backendConfig` as a user writes it. */
  readonly config: unknown;
  readonly prompt?: string;
  readonly turn?: number;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** In place of the gateway: a model server of the test's own, say. */
  readonly model?: ModelAccess;
  readonly permissions?: PermissionPolicy;
  readonly mcpServers?: readonly McpServer[];
  readonly readOnly?: boolean;
  readonly images?: readonly TurnImage[];
  readonly steering?: AsyncIterable<string>;
  readonly signal?: AbortSignal;
  /** Called with every event as it comes, so that a test can wait for one. */
  readonly onEvent?: (event: AgentEvent) => void;
  /** Called with every piece of log. */
  readonly onLog?: (stream: string, bytes: Uint8Array) => void;
}

/** What a turn came to; `durationMs` is its time from call to answer. */
export interface TurnRecord {
  readonly result: TurnResult;
  readonly events: readonly AgentEvent[];
  /** Raw output by stream. */
  readonly logs: ReadonlyMap<string, string>;
  readonly durationMs: number;
  /** How many events and log pieces have come after the turn's end; a sound backend keeps it 0. */
  lateCount(): number;
}

/** Temporary workspace and home, kept between turns, removed by `await using`. */
export interface TestBench extends AsyncDisposable {
  readonly workspace: string;
  readonly home: string;
  runTurn<Config extends z.ZodType>(definition: BackendDefinition<Config>, options: TurnOptions): Promise<TurnRecord>;
}

/** A workspace with these files (path → content), to run turns of a backend in. It is no git repository. */
export async function createTestBench(files: Readonly<Record<string, string>> = {}): Promise<TestBench> {
  const root = await mkdtemp(join(tmpdir(), "slipway-backend-"));
  const workspace = join(root, "workspace");
  const home = join(root, "home");
  await mkdir(workspace);
  await mkdir(home);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(workspace, path)), { recursive: true });
    await writeFile(join(workspace, path), content);
  }
  return {
    workspace,
    home,
    runTurn: (definition, options) => runTurn(definition, { workspace, home }, options),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

async function runTurn<Config extends z.ZodType>(
  definition: BackendDefinition<Config>,
  folders: { workspace: string; home: string },
  options: TurnOptions,
): Promise<TurnRecord> {
  const config = parseBackendConfig(definition, options.config);
  const events: AgentEvent[] = [];
  const chunks = new Map<string, Uint8Array[]>();
  let ended = false;
  let late = 0;
  const startedAt = performance.now();
  const result = await definition.turn({
    prompt: options.prompt ?? "",
    turn: options.turn ?? 1,
    config,
    ...folders,
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: folders.home, ...options.env },
    secrets: options.secrets ?? {},
    ...(options.model ? { model: options.model } : {}),
    ...(options.steering ? { steering: options.steering } : {}),
    ...(options.permissions ? { permissions: options.permissions } : {}),
    ...(options.readOnly ? { readOnly: true } : {}),
    ...(options.images ? { images: options.images } : {}),
    ...(options.mcpServers ? { mcpServers: options.mcpServers } : {}),
    signal: options.signal ?? new AbortController().signal,
    emit(event) {
      if (ended) late += 1;
      events.push(event);
      options.onEvent?.(event);
    },
    log(stream, bytes) {
      if (ended) late += 1;
      chunks.set(stream, [...(chunks.get(stream) ?? []), bytes]);
      options.onLog?.(stream, bytes);
    },
  });
  ended = true;
  const logs = new Map([...chunks].map(([stream, parts]) => [stream, Buffer.concat(parts).toString()]));
  return { result, events, logs, durationMs: performance.now() - startedAt, lateCount: () => late };
}
