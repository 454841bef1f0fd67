import { createInterface } from "node:readline";
import type { AheadRequest, RunnerToWorker, TurnRequest, TurnResult, WorkerToRunner } from "@slipway/protocol/runner-protocol";
import { isAloneInNamespace, killOthers } from "./lease/namespace.ts";
import { startSwitch } from "./lease/switch.ts";
import { ModelPort } from "./model/model-port.ts";
import { EventSpool } from "./spool/event-spool.ts";
import { Outbox } from "./spool/outbox.ts";
import { TurnLedger } from "./spool/turn-ledger.ts";
import type { AgentResources } from "./turn/agent-resources.ts";
import { Steering, TOO_LATE } from "./turn/steering.ts";
import { WorkerLink } from "./worker-link.ts";

export interface ServeOptions {
  readonly socket: string;
  readonly lease: string;
  readonly spool: string;
  readonly ownNamespace: boolean;
  /** The backend whose turn will most likely come, which alone is loaded and warmed up ahead; all of them where nobody knows. */
  readonly warmFor?: string | undefined;
  /** The worker will say what its turn will most likely have: the agent is started with it, where it can be. */
  readonly ahead: boolean;
}

/** Serves the worker until it says stop or the lease is over. The nonce comes as one line on standard input. */
export async function serve(options: ServeOptions): Promise<void> {
  if (options.ownNamespace && !isAloneInNamespace()) throw new Error("--own-namespace was given, but this is not a namespace that the worker made");
  startSwitch({ leaseFile: options.lease, ownNamespace: options.ownNamespace });
  const nonce = await readLine();
  const spool = new EventSpool(options.spool);
  const runner = new Runner(options, spool, new TurnLedger(options.spool), nonce);
  runner.start();
}

class Runner {
  readonly #options: ServeOptions;
  readonly #ledger: TurnLedger;
  readonly #link: WorkerLink;
  readonly #outbox: Outbox;
  /** Aborts with the first turn. */
  readonly #warming = new AbortController();
  #isPrepared = false;
  readonly #ahead = Promise.withResolvers<AheadRequest>();
  readonly #modelPort = new ModelPort();
  /** Opened by the first turn that may reach something. */
  readonly #egressPort = new ModelPort();
  readonly #streamOffsets = new Map<string, number>();
  /** What was taken of the machine before the next turn. */
  #resources: AgentResources | undefined;
  #running: { turnId: string; cancel: AbortController; steering: Steering; stray: PromiseWithResolvers<never> } | undefined;

  constructor(options: ServeOptions, spool: EventSpool, ledger: TurnLedger, nonce: string) {
    this.#options = options;
    this.#ledger = ledger;
    this.#link = new WorkerLink({
      ...{ socketPath: options.socket, nonce, spool },
      turnId: () => this.#running?.turnId ?? null,
      onMessage: (message) => this.#receive(message),
      // Schemas and backends take 200 ms to load, and the first turn should not wait for them; the hello has gone out.
      onHello: () => void this.#prepare(),
    });
    this.#outbox = new Outbox(spool, () => this.#link.pump());
  }

  start(): void {
    const stray = (error: unknown): void => {
      process.stderr.write(`an error that nobody caught: ${error instanceof Error ? error.stack : String(error)}\n`);
      this.#running?.stray.reject(error);
    };
    process.on("uncaughtException", stray);
    process.on("unhandledRejection", stray);
    this.#link.connect();
  }

  /** Once: a worker that comes back says hello again. */
  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    this.#isPrepared = true;
    try {
      const { agentResources, preloadBackends, rehearse, startAhead, warmUp } = await loadTurnCode();
      const backends = await preloadBackends(this.#options.warmFor);
      if (backends.some(({ capabilities }) => capabilities.model)) await this.#modelPort.prepare();
      await rehearse(this.#warming.signal);
      const failures = await warmUp(backends, this.#warming.signal);
      if (this.#options.ahead) failures.push(...(await startAhead(backends, this.#ahead.promise, this.#warming.signal, this.#modelPort.url)));
      if (this.#warming.signal.aborted) return;
      this.#resources = agentResources(this.#options.ownNamespace);
      this.#link.sendWarmed({ type: "warmed", failures });
    } catch (error) {
      // The first turn meets the same, and can say so.
      process.stderr.write(`the backends could not be loaded ahead: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }

  #receive(message: Extract<WorkerToRunner, { type: "ahead" | "turn" | "cancel" | "steer" | "stop" }>): void {
    if (message.type === "turn") this.#turn(message);
    else if (message.type === "ahead") this.#ahead.resolve(message);
    else if (message.type === "cancel" && this.#running?.turnId === message.turnId) this.#running.cancel.abort();
    else if (message.type === "steer") this.#steer(message);
    else if (message.type === "stop") process.exit(0);
  }

  #steer(message: Extract<WorkerToRunner, { type: "steer" }>): void {
    if (this.#running?.turnId === message.turnId) this.#running.steering.push(message);
    // The turn ended while the message was on its way.
    else this.#outbox.emit({ kind: "notice", data: { level: "warning", text: TOO_LATE } });
  }

  #turn(request: TurnRequest): void {
    const { turnId } = request;
    const known = this.#ledger.resultOf(turnId);
    if (known) this.#answer(turnId, known);
    else if (!this.#running) void this.#run(request);
    // The same turn is answered when it is done; another one has to wait its turn, and a sound worker lets it.
    else if (this.#running.turnId !== turnId) this.#answer(turnId, failed("INTERNAL", `The turn ${this.#running.turnId} is still running.`));
  }

  async #run(request: TurnRequest): Promise<void> {
    const { turnId } = request;
    this.#warming.abort();
    const running = { turnId, cancel: new AbortController(), steering: new Steering(), stray: Promise.withResolvers<never>() };
    running.stray.promise.catch(() => {});
    this.#running = running;
    let result: TurnResult;
    try {
      this.#ledger.begin(turnId);
      const { agentResources, runTurn, loadBackend, maskStandardError } = await loadTurnCode();
      maskStandardError([...Object.values(request.secrets), ...(request.gateway ? [request.gateway.token] : [])]);
      const label = process.env["SLIPWAY_SANDBOX"];
      result = await runTurn(request, running.cancel.signal, {
        loadBackend,
        modelPort: this.#modelPort,
        egressPort: this.#egressPort,
        emit: (event) => this.#outbox.emit(event),
        killOthers: () => killOthers(this.#options.ownNamespace),
        agentResources: () => agentResources(this.#options.ownNamespace),
        resourcesBefore: this.#resources,
        streamOffsets: this.#streamOffsets,
        extraEnv: label === undefined ? {} : { SLIPWAY_SANDBOX: label },
        stray: running.stray.promise,
        steering: running.steering,
      });
      this.#outbox.tellGap();
      this.#ledger.finish(turnId, result);
    } catch (error) {
      const isFull = (error as NodeJS.ErrnoException).code === "ENOSPC";
      result = failed(isFull ? "DISK_FULL" : "INTERNAL", error instanceof Error ? error.message : String(error));
      this.#ledger.remember(turnId, result);
    }
    this.#resources = undefined;
    this.#running = undefined;
    this.#answer(turnId, result);
  }

  #answer(turnId: string, result: TurnResult): void {
    this.#link.sendResult({ type: "result", turnId, result } satisfies RunnerToWorker);
  }
}

let turnCode: ReturnType<typeof importTurnCode> | undefined;

/** Imported once: five imports that are there already still take half a millisecond. */
function loadTurnCode(): ReturnType<typeof importTurnCode> {
  turnCode ??= importTurnCode();
  return turnCode;
}

async function importTurnCode() {
  const [{ agentResources }, { runTurn }, { rehearse }, { loadBackend, preloadBackends }, { startAhead, warmUp }, { maskStandardError }] = await Promise.all([
    import("./turn/agent-resources.ts"),
    import("./turn/run-turn.ts"),
    import("./turn/rehearse.ts"),
    import("./registry.ts"),
    import("./warm-up.ts"),
    import("./masked-stderr.ts"),
  ]);
  return { agentResources, runTurn, rehearse, loadBackend, preloadBackends, startAhead, warmUp, maskStandardError };
}

function failed(code: "INTERNAL" | "DISK_FULL", message: string): TurnResult {
  return { status: "failed", failure: { code, message, details: {} } };
}

async function readLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdin.destroy();
    return line;
  }
  throw new Error("the nonce is missing on standard input");
}
