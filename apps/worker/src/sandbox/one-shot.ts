import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { requireEntered } from "./limits/control-groups.ts";
import type { ResourceGroup } from "./limits/resource-groups.ts";
import type { CommandResult, SandboxCommand } from "./sandbox.ts";

/** How long the pipes of an ended one-shot may stay open, held by what got away. */
const DRAIN_LIMIT_MS = 1_000;

export interface OneShot {
  readonly child: ChildProcess;
  /** Kills everything of the one-shot and resolves when it is gone. Called again when the command ended, for what it left behind. */
  endAll(): Promise<void>;
  readonly group: ResourceGroup;
  /** The command's own exit code, from the child's; throws where the child's exit was not the command's. */
  exitCode(code: number | null, signal: NodeJS.Signals | null, output: Buffer): number | Promise<number>;
}

/** Sees a one-shot to its end: output, time-out, abort, and nothing left behind. Rejects with the signal's reason where it aborts. */
export async function superviseOneShot(oneShot: OneShot, command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
  const { child } = oneShot;
  const startedAt = performance.now();
  const output = new CappedOutput(command.outputLimitBytes);
  const streams = (["stdout", "stderr"] as const).map((name) => {
    const stream = child[name];
    stream?.on("data", (bytes: Buffer) => {
      const kept = output.take(bytes);
      if (kept.length > 0) command.onOutput?.(name, kept);
    });
    // A pipe that breaks has ended, and the exit says the rest.
    return stream ? finished(stream).catch(() => {}) : Promise.resolve();
  });
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, by) => resolve({ code, signal: by }));
  });
  let timedOut = false;
  const ending: Promise<void>[] = [];
  const end = (): void => void ending.push(oneShot.endAll());
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, command.timeoutMs);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    const ended = await exit;
    await oneShot.endAll();
    await Promise.all(ending);
    await Promise.race([Promise.all(streams), delay(DRAIN_LIMIT_MS, undefined, { ref: false })]);
    signal.throwIfAborted();
    const durationMs = performance.now() - startedAt;
    const memory = oneShot.group.memoryEvidence();
    requireEntered(oneShot.group, ended.code, output.bytes());
    const exitCode = timedOut ? null : await oneShot.exitCode(ended.code, ended.signal, output.bytes());
    return { exitCode, timedOut, output: output.bytes(), droppedBytes: output.droppedBytes, durationMs, memory };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/** For a sandbox that cannot be made ahead: waits for what a command waits for (`SandboxCommand.after`), and no longer than until the signal aborts. */
export async function untilReady(after: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!after) return;
  const over = new AbortController();
  try {
    await Promise.race([after, once(signal, "abort", { signal: over.signal })]);
  } finally {
    over.abort();
  }
  signal.throwIfAborted();
}

/** 128 + the signal's number, as a shell says it. */
export function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

/** Keeps the first `limitBytes` of what comes and counts the rest. */
export class CappedOutput {
  readonly #limitBytes: number;
  readonly #chunks: Buffer[] = [];
  #keptBytes = 0;
  droppedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The part of `bytes` that is kept. */
  take(bytes: Buffer): Buffer {
    const kept = bytes.subarray(0, this.#limitBytes - this.#keptBytes);
    this.droppedBytes += bytes.length - kept.length;
    this.#keptBytes += kept.length;
    if (kept.length > 0) this.#chunks.push(kept);
    return kept;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
