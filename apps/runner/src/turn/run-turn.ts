import type { BackendDefinition, TurnContext } from "@slipway/backend-sdk/backend";
import { parseBackendConfig } from "@slipway/backend-sdk/config";
import { type ErrorCode, SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { type AgentEvent, agentEventSchema, type TurnResources } from "@slipway/protocol/events";
import { type TurnRequest, type TurnResult, turnResultSchema } from "@slipway/protocol/runner-protocol";
import { secretsOfServers } from "@slipway/protocol/turn-settings";
import { createMatcher, type Matcher, Redactor, redactJson } from "@slipway/redact/redactor";
import { SHORTEST_SECRET, secretPatterns } from "@slipway/redact/secret-patterns";
import { proxyEnvironment } from "../command/proxied-command.ts";
import { type LogChunk, LogChunker } from "../log-chunker.ts";
import { openModelAccess, withLostGateway } from "../model/model-access.ts";
import type { ModelPort } from "../model/model-port.ts";
import type { AgentResources } from "./agent-resources.ts";
import { fitEvent, fitResult, fitReturned } from "./fit.ts";
import { mcpServersOf } from "./mcp-servers.ts";
import { ResourceMeter } from "./resource-meter.ts";
import { type Steering, TOO_LATE } from "./steering.ts";
import { Watchdog } from "./watchdog.ts";

/** How long a backend may take to return after its signal aborted, before its processes are killed and it is not waited for. */
const ABORT_GRACE_MS = 1_000;

interface HearsTraffic {
  onTraffic?: ModelPort["onTraffic"];
}

export interface TurnDeps {
  loadBackend(name: string): Promise<BackendDefinition | undefined>;
  readonly modelPort: Pick<ModelPort, "open" | "lost"> & HearsTraffic;
  /** Another one, that leads to the egress proxy. */
  readonly egressPort: Pick<ModelPort, "open"> & HearsTraffic;
  /** Takes an event that is masked already. */
  emit(event: AgentEvent): void;
  /** Kills everything that the agent started. */
  killOthers(): void;
  /** What the agent has taken of the machine so far, for `Watchdog` and `ResourceMeter`; missing where nobody can tell. */
  readonly agentResources?: () => AgentResources | undefined;
  /** What was counted when the runner was last idle; counted now where it is missing. */
  readonly resourcesBefore?: AgentResources | undefined;
  /** Bytes of each log stream that went out in earlier turns; brought up to date at the end. */
  readonly streamOffsets: Map<string, number>;
  /** Added to the agent's environment: the ownership label, where processes are found by it. */
  readonly extraEnv: Readonly<Record<string, string>>;
  /** Rejects with what escaped from the backend: an error that nobody caught. */
  readonly stray: Promise<never>;
  /** Messages of people to the agent; none where it is missing. */
  readonly steering?: Steering;
}

/** Runs one turn to its end and masks all that comes out of it. Never rejects: what goes wrong is the result. */
export async function runTurn(request: TurnRequest, cancel: AbortSignal, deps: TurnDeps): Promise<TurnResult> {
  const matcher = createMatcher(secretPatterns([...Object.values(request.secrets), ...(request.gateway ? [request.gateway.token] : [])]));
  const watchdog = new Watchdog(request, cancel, () => deps.agentResources?.()?.cpuMs);
  const meter = new ResourceMeter(() => deps.agentResources?.(), deps.resourcesBefore);
  const ports = [deps.modelPort, deps.egressPort];
  for (const port of ports) port.onTraffic = () => watchdog.heard();
  const output = new TurnOutput(matcher, deps, () => watchdog.heard());
  let result: TurnResult;
  let resources: TurnResources | undefined;
  try {
    warnOfShortSecrets(request, output);
    result = await converse(request, watchdog, output, deps);
  } catch (error) {
    result = failedWith(error);
  } finally {
    watchdog.stop();
    resources = meter.end();
    for (const port of ports) port.onTraffic = undefined;
    tellUntaken(deps.steering?.end() ?? 0, output);
  }
  try {
    output.end();
  } catch (error) {
    // The spool's disk: the result says so, as it cannot take the events any more.
    result = failedWith(error);
  }
  return { ...fitResult(redactJson(matcher, result) as TurnResult), ...(resources ? { resources } : {}) };
}

async function converse(request: TurnRequest, watchdog: Watchdog, output: TurnOutput, deps: TurnDeps): Promise<TurnResult> {
  const backend = await deps.loadBackend(request.backend);
  if (!backend) throw new SlipwayError("BACKEND_NOT_INSTALLED", `The runner knows no backend called ${request.backend}.`, { backend: request.backend });
  const config = parseBackendConfig(backend, request.config);
  for (const { name, required, hint } of backend.secrets) {
    if (required && !request.secrets[name])
      throw new SlipwayError("SECRET_MISSING", `The backend ${backend.name} needs the secret ${name}.`, { secret: name, hint });
  }
  const model = await openModelAccess(backend, request, deps.modelPort);
  const result = await drive(backend, { config, ...(model ? { model } : {}) }, request, watchdog, output, deps).catch(failedWith);
  return model ? withLostGateway(result, deps.modelPort.lost) : result;
}

async function drive(
  backend: BackendDefinition,
  given: Pick<TurnContext, "config" | "model">,
  request: TurnRequest,
  watchdog: Watchdog,
  output: TurnOutput,
  deps: TurnDeps,
): Promise<TurnResult> {
  const { prompt, turn, workspace, home, permissions } = request;
  const specs = request.mcpServers ?? {};
  const hasServers = Object.keys(specs).length > 0;
  if (hasServers && !backend.capabilities.mcp)
    throw new SlipwayError("INVALID_CONFIG", `mcpServers: the backend ${backend.name} starts no MCP servers.`, { field: "mcpServers", backend: backend.name });
  if (request.readOnly && !backend.capabilities.readOnly)
    throw new SlipwayError("INVALID_CONFIG", `readOnly: the backend ${backend.name} has no read-only turns.`, { field: "readOnly", backend: backend.name });
  const { images = [] } = request;
  if (images.length > 0 && !backend.capabilities.images)
    throw new SlipwayError("INVALID_CONFIG", `images: the backend ${backend.name} takes no images.`, { field: "images", backend: backend.name });
  const wayOut = request.egress ? proxyEnvironment(await deps.egressPort.open(request.egress.socket)) : {};
  const running = (async () =>
    await backend.turn({
      ...{ prompt, turn, workspace, home, ...given },
      secrets: ownSecrets(backend, request),
      ...(permissions ? { permissions } : {}),
      ...(request.readOnly ? { readOnly: true } : {}),
      ...(images.length > 0 ? { images } : {}),
      ...(hasServers ? { mcpServers: mcpServersOf(specs, request.secrets) } : {}),
      env: { ...request.env, ...wayOut, ...deps.extraEnv },
      signal: watchdog.signal,
      ...(backend.capabilities.steer && deps.steering ? { steering: deps.steering.messages((event) => output.event(event)) } : {}),
      emit: (event) => output.event(event),
      log: (stream, bytes) => output.log(stream, bytes),
    }))();
  // It may reject after it was given up.
  running.catch(() => {});
  const returned = await Promise.race([running, deps.stray, watchdog.expired(ABORT_GRACE_MS)]).catch((error: unknown) => {
    if (watchdog.signal.aborted) return undefined;
    throw error;
  });
  if (watchdog.signal.aborted) {
    // Whatever the backend says now: what it left running must not go on.
    deps.killOthers();
    throw watchdog.signal.reason;
  }
  const parsed = turnResultSchema.safeParse(fitReturned(returned));
  if (!parsed.success) throw new SlipwayError("BACKEND_OUTPUT_INVALID", `The backend ${backend.name} ended its turn with something that is no result.`);
  return output.invalid ? failedWith(output.invalid) : parsed.data;
}

/** Nothing that a person said is dropped in silence. */
function tellUntaken(count: number, output: TurnOutput): void {
  if (count === 0) return;
  const text = count === 1 ? TOO_LATE : `${count} messages came too late: the agent did not take them before its turn ended.`;
  output.event({ kind: "notice", data: { level: "warning", text } });
}

/** Without those that are here for MCP servers alone: a backend may hand all that it gets to its agent. */
function ownSecrets({ secrets }: BackendDefinition, request: TurnRequest): Record<string, string> {
  const others = new Set(secretsOfServers(request.mcpServers ?? {}).filter((name) => !secrets.some((secret) => secret.name === name)));
  return Object.fromEntries(Object.entries(request.secrets).filter(([name]) => !others.has(name)));
}

function warnOfShortSecrets(request: TurnRequest, output: TurnOutput): void {
  const short = Object.keys(request.secrets).filter((name) => (request.secrets[name] ?? "").length < SHORTEST_SECRET);
  if (short.length === 0) return;
  const text = `Too short to be masked (fewer than ${SHORTEST_SECRET} characters): ${short.join(", ")}.`;
  output.event({ kind: "notice", data: { level: "warning", text } });
}

function failedWith(error: unknown): TurnResult {
  const fallback: ErrorCode = "BACKEND_FAILED";
  if (!(error instanceof SlipwayError) && (error as NodeJS.ErrnoException | undefined)?.code !== "ENOSPC") {
    return { status: "failed", failure: { code: fallback, message: error instanceof Error ? error.message : String(error), details: {} } };
  }
  const { code, message, details } = toSlipwayError(error, fallback);
  return { status: "failed", failure: { code, message, details: { ...details } } };
}

/** What a turn says, masked and in order; silent once the turn is over. */
class TurnOutput {
  readonly #matcher: Matcher;
  readonly #deps: Pick<TurnDeps, "emit" | "streamOffsets">;
  readonly #onSign: () => void;
  readonly #logs = new Map<string, { redactor: Redactor; chunker: LogChunker }>();
  #isOver = false;
  /** Set where the backend emitted what is no event. */
  invalid: SlipwayError | undefined;

  constructor(matcher: Matcher, deps: Pick<TurnDeps, "emit" | "streamOffsets">, onSign: () => void) {
    this.#matcher = matcher;
    this.#deps = deps;
    this.#onSign = onSign;
  }

  event(event: AgentEvent): void {
    if (this.#isOver) return;
    this.#onSign();
    const parsed = agentEventSchema.safeParse(fitEvent(redactJson(this.#matcher, event)));
    if (parsed.success) {
      this.#deps.emit(parsed.data);
      return;
    }
    const issue = parsed.error.issues[0];
    const problem = `${issue?.path.map(String).join(".") || "event"}: ${issue?.message ?? "not an event"}`;
    this.invalid ??= new SlipwayError("BACKEND_OUTPUT_INVALID", `The backend emitted what is no event: ${problem}.`);
  }

  log(stream: string, bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#onSign();
    const name = stream.slice(0, 100);
    let log = this.#logs.get(name);
    if (!log) {
      const emit = (chunk: LogChunk): void => this.#deps.emit({ kind: "log", data: chunk });
      log = { redactor: new Redactor(this.#matcher), chunker: new LogChunker(name, emit, this.#deps.streamOffsets.get(name)) };
      this.#logs.set(name, log);
    }
    log.chunker.push(log.redactor.push(bytes));
  }

  end(): void {
    this.#isOver = true;
    for (const [name, { redactor, chunker }] of this.#logs) {
      chunker.push(redactor.end());
      chunker.end();
      this.#deps.streamOffsets.set(name, chunker.offset);
    }
  }
}
