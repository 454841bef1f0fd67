import { type ChildProcess, spawn } from "node:child_process";
import { SlipwayError } from "@slipway/protocol/errors";
import type { TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import type {
  CommandResult,
  MemoryEvidence,
  Sandbox,
  SandboxCommand,
  SandboxProvider,
  SandboxRecord,
  SandboxSpec,
} from "../../apps/worker/src/sandbox/sandbox.ts";

/** An agent of a test: a shell command for each turn. `$PROMPT` is the prompt. Exit code 0 ends the turn well. */
export type ShellTurns = readonly string[];

type TurnOptions = Parameters<Sandbox["turn"]>[1];

/**
 * A provider with real processes and no runner, for tests of the pipeline alone. What it starts outlives the pipeline that it was started by, as a
 * real sandbox outlives a killed worker.
 */
export class ProcessProvider implements SandboxProvider {
  readonly kind = "none";
  readonly turns: ShellTurns;
  /** A runner that does not care about a turn's time. */
  isDeaf = false;
  /** All that was asked for, in order: `turn-1`, `end`, and the text of each command. */
  readonly calls: string[] = [];
  readonly #sandboxes = new Map<string, ProcessSandbox>();

  constructor(turns: ShellTurns) {
    this.turns = turns;
  }

  get sandboxes(): ProcessSandbox[] {
    return [...this.#sandboxes.values()];
  }

  async probe(): Promise<void> {}

  async start(spec: SandboxSpec): Promise<ProcessSandbox> {
    const sandbox = new ProcessSandbox(this, { spec, kind: "none", nonce: `nonce of ${spec.id} ${this.#sandboxes.size}`, processes: [] });
    this.#sandboxes.set(spec.id, sandbox);
    return sandbox;
  }

  async attach(record: Pick<SandboxRecord, "spec">): Promise<ProcessSandbox | undefined> {
    const sandbox = this.#sandboxes.get(record.spec.id);
    return sandbox?.ended ? undefined : sandbox;
  }

  async reclaim(record: Pick<SandboxRecord, "spec">): Promise<void> {
    await this.#sandboxes.get(record.spec.id)?.end();
  }
}

export class ProcessSandbox implements Sandbox {
  readonly record: SandboxRecord;
  readonly inside: Sandbox["inside"];
  readonly #provider: ProcessProvider;
  readonly #turns = new Map<string, Promise<TurnResult>>();
  readonly #children = new Set<ChildProcess>();
  readonly #lost = Promise.withResolvers<never>();
  readonly requests: TurnRequest[] = [];
  ended = false;
  /** What the sandbox says of its memory. */
  memory: MemoryEvidence | null = null;

  constructor(provider: ProcessProvider, record: SandboxRecord) {
    this.#provider = provider;
    this.record = record;
    // Only a turn that waits hears of it.
    this.#lost.promise.catch(() => undefined);
    const { workspace, home, control } = record.spec;
    this.inside = { workspace, home, control, gateway: "/nobody/listens/here", path: process.env["PATH"] ?? "" };
  }

  async turn(request: TurnRequest, options: TurnOptions): Promise<TurnResult> {
    options.signal.throwIfAborted();
    if (this.ended) throw new SlipwayError("RUNNER_LOST");
    let turn = this.#turns.get(request.turnId);
    if (!turn) {
      turn = this.#startTurn(request);
      this.#turns.set(request.turnId, turn);
    }
    const aborted = new Promise<never>((_, reject) => options.signal.addEventListener("abort", () => reject(options.signal.reason), { once: true }));
    const result = await Promise.race([turn, aborted, this.#lost.promise]);
    if (request.turn > options.afterOrdinal)
      await options.onEvent(request.turn, Date.now(), { kind: "message", data: { role: "agent", text: `turn ${request.turn} done` } });
    return result;
  }

  async run(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
    await command.after;
    signal.throwIfAborted();
    this.#provider.calls.push(command.argv.at(-1) ?? "");
    const startedAt = performance.now();
    const child = this.#spawn(command.argv, command.env);
    const chunks: Buffer[] = [];
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.on("data", (bytes: Buffer) => {
        chunks.push(bytes);
        command.onOutput?.(name, bytes);
      });
    }
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, command.timeoutMs);
    const abort = (): void => killGroup(child);
    signal.addEventListener("abort", abort, { once: true });
    const exitCode = await exitOf(child);
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    signal.throwIfAborted();
    const all = Buffer.concat(chunks);
    const output = all.subarray(0, command.outputLimitBytes);
    return {
      exitCode: timedOut ? null : exitCode,
      timedOut,
      output,
      droppedBytes: all.length - output.length,
      durationMs: performance.now() - startedAt,
      memory: null,
    };
  }

  memoryEvidence(): MemoryEvidence | null {
    return this.memory;
  }

  /** The machine takes the runner away in the middle of its turn. */
  async lose(): Promise<void> {
    this.#lost.reject(new SlipwayError("RUNNER_LOST"));
    await this.end();
  }

  async end(): Promise<void> {
    if (!this.ended) this.#provider.calls.push("end");
    this.ended = true;
    for (const child of this.#children) killGroup(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #startTurn(request: TurnRequest): Promise<TurnResult> {
    this.#provider.calls.push(request.turnId);
    this.requests.push(request);
    const text = this.#provider.turns[request.turn - 1] ?? "true";
    const child = this.#spawn(["sh", "-c", text], { ...request.env, PROMPT: request.prompt });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (!this.#provider.isDeaf) killGroup(child);
    }, request.timeoutMs);
    const exitCode = await exitOf(child);
    clearTimeout(timer);
    if (timedOut)
      return { status: "failed", failure: { code: "AGENT_TIMEOUT", message: "The runner ended the turn.", details: { timeoutMs: request.timeoutMs } } };
    if (exitCode === 0) return { status: "done", finalText: "done" };
    return { status: "failed", failure: { code: "BACKEND_FAILED", message: `The agent ended with exit code ${exitCode}.`, details: {} } };
  }

  #spawn(argv: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    const [file = "true", ...args] = argv;
    const child = spawn(file, args, { cwd: this.inside.workspace, env: { ...env }, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.#children.add(child);
    child.once("exit", () => {
      killGroup(child);
      this.#children.delete(child);
    });
    child.stdout?.resume();
    child.stderr?.resume();
    return child;
  }
}

async function exitOf(child: ChildProcess): Promise<number> {
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? (signal ? 137 : 1)));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}
