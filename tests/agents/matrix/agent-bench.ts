import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { toManifest } from "@slipway/backend-sdk/manifest";
import { createTestBench, type TurnRecord } from "@slipway/backend-sdk/test-kit";
import { imageOfBackend } from "@slipway/images/plans";
import { imageReference, imageVersion } from "@slipway/images/references";
import { familyOf, processTable } from "@slipway/process/process-table";
import { gatewaySocketIn } from "@slipway/process/runtime-folder";
import { SlipwayError } from "@slipway/protocol/errors";
import type { AgentEvent } from "@slipway/protocol/events";
import type { TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import type { McpServers } from "@slipway/protocol/turn-settings";
import { mcpServersOf } from "../../../apps/runner/src/turn/mcp-servers.ts";
import { turnEnvironment } from "../../../apps/worker/src/sandbox/environment-of-turn.ts";
import { leaseFileIn, monotonicNowMs, writeLeaseFile } from "../../../apps/worker/src/sandbox/lease-file.ts";
import { readOnlyToolchains } from "../../../apps/worker/src/sandbox/toolchains.ts";
import { INSTALL_ROOT, never, openBench } from "../../sandbox/bench.ts";
import { type Scenario, type ScenarioInput, scenarioOf } from "../../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../../support/model-server/server.ts";
import type { AgentUnderTest } from "./agent-under-test.ts";

/** Stands for the job's id. */
export const JOB = "job-of-this-test";
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
  /** PNGs by their names. */
  readonly images?: Readonly<Record<string, Buffer>>;
  readonly onEvent?: (event: AgentEvent) => void;
}

/** A workspace, a home and a scripted model for turns of a real agent. */
export interface AgentBench extends AsyncDisposable {
  /** On the host. */
  readonly workspace: string;
  readonly home: string;
  readonly server: ModelServer;
  run(options?: PlayOptions): Promise<TurnRecord>;
  /** Resolves when the sandbox has done all that it does before it has a turn; at once where there is none. */
  warmedUp(): Promise<void>;
  /** All in the sandbox, its runner included; none where there is none. */
  insidePids(): number[];
  /** Kills the agent and all that it started, as a machine does that runs out of memory. */
  killAgent(): void;
}

const TIMEOUT_MS = 90_000;
const LEASE_MS = 600_000;

/** Opens one; the agent's CLI must be on PATH, or in the image. `warmFor`: the backend that its sandbox warms up; the agent's own where it is missing. */
export async function openAgentBench(
  agent: AgentUnderTest,
  place: Place,
  scenario: Scenario | ScenarioInput,
  { files = { "README.md": "# demo\n" }, warmFor = agent.backend.name }: { readonly files?: Record<string, string>; readonly warmFor?: string } = {},
): Promise<AgentBench> {
  const server = await startServer(scenario, agent.finish);
  const opened = place === "direct" ? await openDirect(agent, server, files) : await openSandboxed(agent, place, server, { files, warmFor });
  const killAgent = (): void => {
    for (const pid of opened.agentPids()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended with another of them.
      }
    }
  };
  const reachable: ModelServer = {
    ...server,
    async [Symbol.asyncDispose]() {
      opened.closeGateway?.();
      await server[Symbol.asyncDispose]();
    },
  };
  return {
    ...{ workspace: opened.workspace, home: opened.home, server: reachable, killAgent },
    warmedUp: async () => await opened.warmedUp?.(),
    insidePids: () => opened.insidePids?.() ?? [],
    run: (options = {}) => opened.run(options),
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
  /** Where a gateway stands before the model: it is gone with it. */
  closeGateway?(): void;
  warmedUp?(): Promise<void>;
  insidePids?(): number[];
  /** The agent, and what it started. */
  agentPids(): number[];
  close(): Promise<void>;
}

async function openDirect({ backend, config }: AgentUnderTest, server: ModelServer, files: Record<string, string>): Promise<Opened> {
  const bench = await createTestBench(files);
  const [name = "", value = ""] = ["SLIPWAY_MATRIX", randomUUID()];
  const isOwn = ({ isLabelled }: { readonly isLabelled: boolean }): boolean => isLabelled;
  return {
    ...{ workspace: bench.workspace, home: bench.home },
    agentPids: () =>
      processTable()
        .list(`${name}=${value}`)
        .filter(isOwn)
        .map(({ pid }) => pid),
    async run({ env, config: changes, token, timeoutMs = TIMEOUT_MS, signal, mcpServers, secrets = {}, images, ...options }) {
      const timeout = new AbortController();
      const timer = setTimeout(() => timeout.abort(new SlipwayError("AGENT_TIMEOUT", undefined, { timeoutMs })), timeoutMs);
      try {
        return await bench.runTurn(backend, {
          prompt: "Fix it.",
          ...options,
          env: { ...env, [name]: value },
          config: { ...config, ...changes },
          ...(mcpServers ? { mcpServers: mcpServersOf(mcpServers, secrets) } : {}),
          ...(images ? { images: await putImages(join(dirname(bench.home), "images"), images) } : {}),
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
async function openSandboxed(
  { backend, config }: AgentUnderTest,
  place: Exclude<Place, "direct">,
  server: ModelServer,
  { files, warmFor }: { readonly files: Record<string, string>; readonly warmFor: string },
): Promise<Opened> {
  const root = await mkdtemp(join(tmpdir(), "slipway-mx-"));
  const gatewayFolder = join(root, "gateway");
  // The image that `slipway images build NAME` makes.
  const docker = { images: [imageReference(imageOfBackend(toManifest(backend)), imageVersion(INSTALL_ROOT))], workerLabel: root };
  const sandboxes = await openBench(place, { gatewayFolder, ...(place === "docker" ? { docker } : {}) });
  const gateway = await bridge(gatewaySocketIn(gatewayFolder), server);
  const spec = {
    ...(await sandboxes.spec()),
    readOnly: place === "bwrap" ? readOnlyToolchains(process.env["PATH"] ?? "") : [],
    warmFor,
    ahead: { config: { ...config } },
  };
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
  const insidePids = (): number[] => familyOf(processTable().list(undefined), { pids: sandbox.record.processes.map(({ pid }) => pid) }).map(({ pid }) => pid);
  return {
    ...{ workspace: spec.workspace, home: spec.home },
    async run({ config: changes, token = TOKEN, prompt = "Fix it.", turn = 1, timeoutMs = TIMEOUT_MS, env = {}, signal, onEvent, ...more }) {
      const { mcpServers, secrets = {}, images } = more;
      const events: AgentEvent[] = [];
      const chunks = new Map<string, Buffer[]>();
      const startedAt = performance.now();
      const request: TurnRequest = {
        ...{ type: "turn", turnId: `turn-${randomUUID()}`, turn, backend: backend.name, config: { ...config, ...changes }, prompt },
        ...{ workspace: sandbox.inside.workspace, home: sandbox.inside.home, secrets, timeoutMs, stallMs: timeoutMs },
        env: { ...turnEnvironment(sandbox.inside), SLIPWAY_JOB: JOB, ...env },
        ...(mcpServers ? { mcpServers } : {}),
        ...(images ? { images: await putImages(join(spec.control, "images"), images, join(sandbox.inside.control, "images")) } : {}),
        gateway: { socket: sandbox.inside.gateway ?? "", token },
      };
      const converse = (until: AbortSignal): Promise<TurnResult> =>
        sandbox.turn(request, {
          afterOrdinal: ordinalBefore,
          signal: until,
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
        });
      const result = await converse(signal ?? never()).catch((error: unknown) => {
        if (!signal?.aborted) throw error;
        // The worker hears no more of a turn that it has cancelled. The runner is still ending it, and takes no other one before.
        return converse(never());
      });
      const logs = new Map([...chunks].map(([stream, parts]) => [stream, Buffer.concat(parts).toString()]));
      return { result, events, logs, durationMs: performance.now() - startedAt, lateCount: () => 0 };
    },
    closeGateway: () => gateway.close(),
    warmedUp: async () => void (await sandbox.warmedUp),
    insidePids,
    agentPids: () => insidePids().filter((pid) => !isRunner(pid)),
    async close() {
      await sandbox.end();
      gateway.close();
      await sandboxes[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Puts images where the worker does; the paths are those inside. */
async function putImages(folder: string, images: Readonly<Record<string, Buffer>>, inside = folder): Promise<NonNullable<TurnRequest["images"]>> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  for (const [name, bytes] of Object.entries(images)) await writeFile(join(folder, name), bytes, { mode: 0o644 });
  return Object.keys(images).map((name) => ({ name, type: "image/png", path: join(inside, name) }));
}

/** The processes of a sandbox that are there without an agent. */
function isRunner(pid: number): boolean {
  try {
    return /apps\/runner\/src\/main\.ts|slipway-init|^bwrap\0/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  } catch {
    // Ended meanwhile.
    return true;
  }
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
