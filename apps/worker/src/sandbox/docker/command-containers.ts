import { setTimeout as delay } from "node:timers/promises";
import type { Docker } from "@slipway/images/engine/engine";
import { withEgressFolder } from "../egress-folders.ts";
import { CappedOutput, untilReady } from "../one-shot.ts";
import type { CommandResult, SandboxCommand, SandboxSpec } from "../sandbox.ts";
import { giveToAgent } from "./agent-user.ts";
import { commandScript } from "./command-script.ts";
import { type LiveContainer, startContainer } from "./container.ts";
import { containerGroup } from "./container-group.ts";
import { readFrames } from "./frames.ts";
import type { DockerHost } from "./host.ts";
import { commandMounts, INSIDE, RUNNER, specMounts } from "./mounts.ts";

type Shape = Pick<SandboxCommand, "network" | "mounts">;
type Started = Awaited<ReturnType<typeof startContainer>>;

/** How long the streams of an ended command may stay open. */
const DRAIN_LIMIT_MS = 1_000;

/**
 * The containers for the commands of one sandbox: one a command, with nothing in it before and nothing of it left behind. One that will be needed is
 * started ahead: it waits in a shell for its command, and no code of a job has been in it. It ends with the connection to its worker.
 */
export class CommandContainers {
  readonly #host: DockerHost;
  readonly #spec: SandboxSpec;
  readonly #ahead = new Map<string, Promise<Started>>();
  #retiring: NodeJS.Timeout | undefined;

  constructor(host: DockerHost, spec: SandboxSpec) {
    this.#host = host;
    this.#spec = spec;
  }

  /** See `Sandbox.expect`. */
  expect(shape: Shape): void {
    const key = keyOf(shape);
    if (this.#ahead.has(key)) return;
    const started = this.#start(shape);
    // Who takes it hears why there is none.
    started.catch(() => {});
    this.#ahead.set(key, started);
  }

  /** See `Sandbox.run`. */
  async run(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
    signal.throwIfAborted();
    if (!command.egress) return await this.#run(command, signal);
    const { settings, agent } = this.#host;
    return await withEgressFolder(settings.runtimeFolder, command.egress, agent, async (folder) => {
      const mounts = [...(command.mounts ?? []), { host: folder, inside: INSIDE.egress, writable: false }];
      const argv = ["node", "--disable-sigusr1", RUNNER, "command", "--proxy-socket", `${INSIDE.egress}/s`, "--", ...command.argv];
      return await this.#run({ ...command, argv, mounts }, signal);
    });
  }

  async #run(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
    if (command.after) this.expect(command);
    await untilReady(command.after, signal);
    const script = commandScript(command);
    for (const { host, writable } of command.mounts ?? []) if (writable) await giveToAgent(this.#host.agent, host);
    const { live, streams } = await this.#take(command);
    try {
      return await supervise(this.#host, live, streams, script, command, signal);
    } finally {
      streams.destroy();
      // It is gone but for where something went wrong, and then nobody must wait for it.
      live.kill().catch(() => {});
    }
  }

  /** Ends those that nobody has taken within this time. */
  async end(graceMs: number): Promise<void> {
    clearTimeout(this.#retiring);
    if (graceMs > 0) {
      this.#retiring = setTimeout(() => void this.end(0), graceMs).unref();
      return;
    }
    const unused = [...this.#ahead.values()];
    this.#ahead.clear();
    await Promise.all(
      unused.map(async (started) => {
        // One that could not be started has nothing to end.
        const container = await started.catch(() => undefined);
        container?.streams.destroy();
        await container?.live.kill();
      }),
    );
  }

  /** The one that was started ahead, unless it is gone meanwhile; else a new one. */
  async #take(shape: Shape): Promise<Started> {
    const key = keyOf(shape);
    const ahead = this.#ahead.get(key);
    this.#ahead.delete(key);
    const started = await ahead?.catch(() => undefined);
    const isThere = started && (await Promise.race([started.live.exit.then(() => false), Promise.resolve(true)]));
    return started && isThere ? started : await this.#start(shape);
  }

  async #start(shape: Shape): Promise<Started> {
    const { settings, backends } = this.#host;
    await this.#host.oomEvents.listen();
    const mounts: Docker.MountSettings[] = [...specMounts(this.#spec, backends?.paths ?? [], settings.maskPaths), ...commandMounts(shape)];
    const plan = { sandboxId: this.#spec.id, part: "command", argv: ["sh"], env: {}, network: shape.network, mounts } as const;
    return await startContainer(this.#host, plan);
  }
}

/** The same mounts in the same order have the same key: one order is what all callers have. */
function keyOf({ network, mounts = [] }: Shape): string {
  return JSON.stringify([network, mounts.map(({ host, inside, writable }) => [host, inside, writable])]);
}

async function supervise(
  host: DockerHost,
  live: LiveContainer,
  streams: Started["streams"],
  script: string,
  command: SandboxCommand,
  signal: AbortSignal,
): Promise<CommandResult> {
  const group = containerGroup(host, live, { watched: true });
  const output = new CappedOutput(command.outputLimitBytes);
  readFrames(streams, (name, bytes) => {
    const kept = output.take(bytes);
    if (kept.length > 0) command.onOutput?.(name, kept);
  });
  const drained = new Promise<void>((resolve) => streams.once("close", resolve).once("end", resolve));
  const startedAt = performance.now();
  let timedOut = false;
  // What cannot be ended shows as an exit that does not come; the engine is asked again by whoever ends the sandbox.
  const kill = (): void => void live.kill().catch(() => {});
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, command.timeoutMs);
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  try {
    streams.write(script);
    const exitCode = await live.exit;
    await Promise.race([drained, delay(DRAIN_LIMIT_MS, undefined, { ref: false })]);
    signal.throwIfAborted();
    const durationMs = performance.now() - startedAt;
    const [memory, processes] = [group.memoryEvidence(), group.processEvidence?.() ?? null];
    return { exitCode: timedOut ? null : exitCode, timedOut, output: output.bytes(), droppedBytes: output.droppedBytes, durationMs, memory, processes };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    await group.end();
  }
}
