import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { toManifest } from "@slipway/backend-sdk/manifest";
import { createTestBench, type TurnRecord } from "@slipway/backend-sdk/test-kit";
import { imageOfBackend } from "@slipway/images/plans";
import { imageReference, imageVersion } from "@slipway/images/references";
import { processTable } from "@slipway/process/process-table";
import { gatewaySocketIn } from "@slipway/process/runtime-folder";
import { SlipwayError } from "@slipway/protocol/errors";
import type { AgentEvent } from "@slipway/protocol/events";
import type { McpServers } from "@slipway/protocol/turn-settings";
import { mcpServersOf } from "../../../apps/runner/src/turn/mcp-servers.ts";
import { leaseFileIn, monotonicNowMs, writeLeaseFile } from "../../../apps/worker/src/sandbox/lease-file.ts";
import { readOnlyToolchains } from "../../../apps/worker/src/sandbox/toolchains.ts";
import { INSTALL_ROOT, openBench } from "../../sandbox/bench.ts";
import { type Scenario, type ScenarioInput, scenarioOf } from "../../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../../support/model-server/server.ts";
import type { AgentUnderTest } from "./agent-under-test.ts";

/** Stands for the attempt's token. The server wants it, and no output may show it. */
export const TOKEN = "attempt-token-of-this-test-0123456789";

/** Where the agent runs: called by the test itself, or by the runner in a sandbox, as jobs have it. */
export const PLACES = ["direct", "bwrap", "docker"] as const;
export type Place = (typeof PLACES)[number];

/** What a case sets of a turn. */
export interface PlayOptions {
  readonly prompt?: string;
  readonly turn?: number;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Programs alone; the values of their secrets are in `secrets`. */
  readonly mcpServers?: McpServers;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly onEvent?: (event: AgentEvent) => void;
}

/** A workspace, a home and a scripted model for turns of a real agent. */
export interface AgentBench extends AsyncDisposable {
  /** On the host. */
  readonly workspace: string;
  readonly home: string;
  readonly server: ModelServer;
  run(options?: PlayOptions): Promise<TurnRecord>;
  /** What the agent started and what is left of it, the agent itself included. */
  pids(): number[];
  /** Kills all of that, as a machine does that runs out of memory. */
  killAgent(): void;
}

const TIMEOUT_MS = 90_000;
const LEASE_MS = 600_000;

/** Opens one; the agent's CLI must be on PATH, or in the image. */
export async function openAgentBench(
  agent: AgentUnderTest,
  place: Place,
  scenario: Scenario | ScenarioInput,
  files?: Record<string, string>,
): Promise<AgentBench> {
  const server = await startServer(scenario, agent.finish);
  const opened = await (place === "direct" ? openDirect : openSandboxed)(agent, place, server, files ?? { "README.md": "# demo\n" });
  const label = `SLIPWAY_MATRIX=${randomUUID()}`;
  const [name = "", value = ""] = label.split("=");
  const pids = (): number[] =>
    processTable()
      .list(label)
      .filter(({ isLabelled }) => isLabelled)
      .map(({ pid }) => pid);
  const killAgent = (): void => {
    for (const pid of pids()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended with another of them.
      }
    }
  };
  return {
    ...{ workspace: opened.workspace, home: opened.home, server, pids, killAgent },
    run: (options = {}) => opened.run({ ...options, env: { ...options.env, [name]: value } }),
    async [Symbol.asyncDispose]() {
      killAgent();
      await server[Symbol.asyncDispose]();
      await opened.close();
    },
  };
}

/** A model whose last words come with the command that ends the turn, for an agent that wants one. */
async function startServer(scenario: Scenario | ScenarioInput, finish: string | undefined): Promise<ModelServer> {
  const ending = (given: Scenario | ScenarioInput): Scenario | ScenarioInput => {
    if (finish === undefined) return given;
    const play = typeof given === "function" ? given : scenarioOf(given);
    return (request) => {
      const answer = play(request);
      return !answer || answer.shell || answer.calls || answer.error || answer.stop ? answer : { ...answer, shell: finish };
    };
  };
  const server = await startModelServer({ scenario: ending(scenario), key: TOKEN });
  return { ...server, play: (next) => server.play(ending(next)) };
}

interface Opened {
  readonly workspace: string;
  readonly home: string;
  run(options: PlayOptions): Promise<TurnRecord>;
  close(): Promise<void>;
}

async function openDirect({ backend, config }: AgentUnderTest, _place: Place, server: ModelServer, files: Record<string, string>): Promise<Opened> {
  const bench = await createTestBench(files);
  return {
    ...{ workspace: bench.workspace, home: bench.home },
    async run({ config: changes, token, timeoutMs = TIMEOUT_MS, signal, mcpServers, secrets = {}, ...options }) {
      const timeout = new AbortController();
      const timer = setTimeout(() => timeout.abort(new SlipwayError("AGENT_TIMEOUT", undefined, { timeoutMs })), timeoutMs);
      try {
        return await bench.runTurn(backend, {
          prompt: "Fix it.",
          ...options,
          config: { ...config, ...changes },
          ...(mcpServers ? { mcpServers: mcpServersOf(mcpServers, secrets) } : {}),
          model: { baseUrl: server.baseUrl, token: token ?? TOKEN },
          signal: AbortSignal.any([timeout.signal, ...(signal ? [signal] : [])]),
        });
      } finally {
        clearTimeout(timer);
      }
    },
    close: async () => await bench[Symbol.asyncDispose](),
  };
}

/** The way of a job: the runner in a sandbox, the model behind a gateway's socket. */
async function openSandboxed({ backend, config }: AgentUnderTest, place: Place, server: ModelServer, files: Record<string, string>): Promise<Opened> {
  if (place === "direct") throw new TypeError("this is for sandboxes");
  const root = await mkdtemp(join(tmpdir(), "slipway-mx-"));
  const gatewayFolder = join(root, "gateway");
  // The image that `slipway images build NAME` makes.
  const docker = { images: [imageReference(imageOfBackend(toManifest(backend)), imageVersion(INSTALL_ROOT))], workerLabel: root };
  const sandboxes = await openBench(place, { gatewayFolder, ...(place === "docker" ? { docker } : {}) });
  const gateway = await bridge(gatewaySocketIn(gatewayFolder), server);
  const spec = { ...(await sandboxes.spec()), readOnly: place === "bwrap" ? readOnlyToolchains(process.env["PATH"] ?? "") : [] };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(spec.workspace, path)), { recursive: true });
    await writeFile(join(spec.workspace, path), content);
  }
  await sandboxes.provider.probe();
  await sandboxes.provider.giveTo?.(spec.workspace);
  // Nobody renews it here, and an agent in Python on a busy machine outlives the first one.
  writeLeaseFile(leaseFileIn(spec.control), monotonicNowMs() + LEASE_MS);
  const sandbox = await sandboxes.provider.start(spec, AbortSignal.timeout(TIMEOUT_MS));
  let ordinalBefore = 0;
  return {
    ...{ workspace: spec.workspace, home: spec.home },
    async run({ config: changes, token = TOKEN, prompt = "Fix it.", turn = 1, timeoutMs = TIMEOUT_MS, env = {}, signal, onEvent, mcpServers, secrets = {} }) {
      const events: AgentEvent[] = [];
      const chunks = new Map<string, Buffer[]>();
      const startedAt = performance.now();
      const running = sandbox.turn(
        {
          ...{ type: "turn", turnId: `turn-${randomUUID()}`, turn, backend: backend.name, config: { ...config, ...changes }, prompt },
          ...{ workspace: sandbox.inside.workspace, home: sandbox.inside.home, secrets, timeoutMs, stallMs: timeoutMs },
          env: { PATH: sandbox.inside.path, HOME: sandbox.inside.home, ...env },
          ...(mcpServers ? { mcpServers } : {}),
          gateway: { socket: sandbox.inside.gateway ?? "", token },
        },
        {
          afterOrdinal: ordinalBefore,
          signal: signal ?? new AbortController().signal,
          async onEvent(ordinal, _at, event) {
            ordinalBefore = ordinal;
            if (event.kind === "log") {
              const { stream, text, encoding } = event.data;
              chunks.set(stream, [...(chunks.get(stream) ?? []), Buffer.from(text, encoding)]);
              return;
            }
            events.push(event);
            onEvent?.(event);
          },
        },
      );
      const result = await running.catch((error: unknown) => {
        // The worker's own turn of a cancel: its signal's reason.
        if (!signal?.aborted) throw error;
        return { status: "failed", failure: { code: "CANCELLED", message: "cancelled", details: {} } } as const;
      });
      const logs = new Map([...chunks].map(([stream, parts]) => [stream, Buffer.concat(parts).toString()]));
      return { result, events, logs, durationMs: performance.now() - startedAt, lateCount: () => 0 };
    },
    async close() {
      await sandbox.end();
      gateway.close();
      await sandboxes[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Leads each connection to the socket to the model server. */
async function bridge(socketPath: string, server: ModelServer): Promise<{ close(): void }> {
  const { port } = new URL(server.baseUrl);
  const listener = createServer((client) => {
    const model = connect(Number(port), "127.0.0.1");
    client.on("error", () => model.destroy());
    model.on("error", () => client.destroy());
    client.once("close", () => model.destroy());
    model.once("close", () => client.destroySoon());
    client.pipe(model).pipe(client);
  });
  listener.listen(socketPath);
  await once(listener, "listening");
  return { close: () => void listener.close() };
}
