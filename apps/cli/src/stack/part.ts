import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { compileCacheFolder } from "@slipway/process/compile-cache";
import type { ServerAddress } from "@slipway/process/server-address";
import { logFile } from "./data-folder.ts";
import { failureInLog, hasFatalError } from "./log-tail.ts";
import type { PartName, StackFailure } from "./messages.ts";

const BACKOFF_FIRST_MS = 250;
const BACKOFF_LIMIT_MS = 10_000;
/** A part that stood this long has earned a quick restart. */
const STEADY_MS = 30_000;
/** A start takes well under a second; a machine under load gets room. */
const READY_LIMIT_MS = 60_000;
/** After this a part that was told to stop is killed. */
const STOP_LIMIT_MS = 8_000;
const LOG_LIMIT_BYTES = 20 * 1_048_576;

export interface PartEvents {
  crashed(how: string, restartInMs: number): void;
  restarted(): void;
  ended(): void;
}

/** What a part is started with. */
export interface PartStart {
  /** Asked for at every start. */
  readonly args: () => string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** One child process that is kept running: started, awaited until it says `ready`, started again with back-off when it crashes, stopped. */
export class Part {
  readonly name: PartName;
  readonly #data: string;
  readonly #start: PartStart;
  readonly #events: PartEvents;
  #child: ChildProcess | undefined;
  /** Where the log of the newest start begins, in bytes. */
  #logFrom = 0;
  #stopping = new AbortController();
  #keeping: Promise<void> | undefined;

  constructor(name: PartName, data: string, start: PartStart, events: PartEvents) {
    this.name = name;
    this.#data = data;
    this.#start = start;
    this.#events = events;
  }

  /** Process id of the newest start. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves with the part's `ready` message; rejects with a StackFailure when it ends before. */
  async start(): Promise<Record<string, unknown>> {
    const { child, ready } = this.#spawn();
    const message = await ready;
    this.#keeping = this.#keep(child);
    return message;
  }

  /** Where the server listens, for a part that was started before it did. */
  tell(address: ServerAddress): void {
    // One that has just ended has its own way to say why.
    if (this.#child?.connected) this.#child.send(address, () => undefined);
  }

  /** Tells the part to stop, and kills it when it does not. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const late = await Promise.race([exited.then(() => false), sleep(STOP_LIMIT_MS, true, { ref: false })]);
      if (late) child.kill("SIGKILL");
      await exited;
    }
    await this.#keeping;
  }

  /** Starts the part again each time it crashes, until it is stopped or ends by itself. */
  async #keep(first: ChildProcess): Promise<void> {
    let child = first;
    let startedAt = Date.now();
    for (let crashes = 0; ; ) {
      const { code, signal } = await exitOf(child);
      if (this.#stopping.signal.aborted) return;
      // A drained worker ends with 0; so does a process that caught its own fatal error and closed in order, and that one is started again.
      if (code === 0 && !hasFatalError(logFile(this.#data, this.name), this.#logFrom)) return this.#events.ended();
      crashes = Date.now() - startedAt > STEADY_MS ? 1 : crashes + 1;
      const waitMs = Math.min(BACKOFF_FIRST_MS * 2 ** (crashes - 1), BACKOFF_LIMIT_MS);
      this.#events.crashed(signal ? `killed by ${signal}` : `exit code ${code}`, waitMs);
      const stopped = await sleep(waitMs, false, { signal: this.#stopping.signal }).catch(() => true);
      if (stopped) return;
      startedAt = Date.now();
      const next = this.#spawn();
      child = next.child;
      // A failed start ends in an exit, which the next round of this loop sees.
      await next.ready.then(
        () => this.#events.restarted(),
        () => undefined,
      );
    }
  }

  #spawn(): { child: ChildProcess; ready: Promise<Record<string, unknown>> } {
    const path = logFile(this.#data, this.name);
    const log = openLog(path);
    const from = statSync(path).size;
    this.#logFrom = from;
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, `--max-semi-space-size=${YOUNG_LIMIT_MIB[this.name] ?? 4}`, mainOf(this.name), ...this.#start.args()],
      {
        stdio: ["ignore", log, log, "ipc"],
        // Of glibc's arenas, one a thread, each keeps what it once held: 20 MB more after a first start, and no faster.
        env: { MALLOC_ARENA_MAX: "1", ...this.#start.environment, NODE_COMPILE_CACHE: compileCacheFolder() },
      },
    );
    closeSync(log);
    this.#child = child;
    return { child, ready: untilReady(child, this.name, path, from) };
  }
}

const NODE_FLAGS = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];

/**
 * Halves of the young generation, 4 MiB where nothing stands here. At its default limit it grows while a process starts and stays so when it is idle: 10 MB
 * more, and no more jobs a second. What the gateway passes on is not in it, and its calls are small: another 5 MB less, and no more time a call.
 */
const YOUNG_LIMIT_MIB: Readonly<Partial<Record<PartName, number>>> = { gateway: 1 };

function mainOf(name: PartName): string {
  return fileURLToPath(new URL(`../../../${name}/src/main.ts`, import.meta.url));
}

/** Opens a log to append to; one that has grown large is put aside first, one generation of it. */
function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, "a", 0o600);
}

async function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return { code: child.exitCode, signal: child.signalCode };
}

async function untilReady(child: ChildProcess, name: PartName, log: string, from: number): Promise<Record<string, unknown>> {
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
  const onMessage = (message: unknown): void => {
    if (isReady(message)) resolve(message);
  };
  const onEnd = (how: string): void => {
    const failure: StackFailure = failureInLog(log, from) ?? { code: "INTERNAL", message: `The ${name} could not start (${how}).`, details: {} };
    reject(Object.assign(new Error(failure.message), { failure: { ...failure, details: { ...failure.details, log } } }));
  };
  child.on("message", onMessage);
  child.once("error", (error) => onEnd(error.message));
  child.once("exit", (code, signal) => onEnd(signal ? `killed by ${signal}` : `exit code ${code}`));
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    onEnd(`not ready after ${READY_LIMIT_MS / 1_000} s`);
  }, READY_LIMIT_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.off("message", onMessage);
  }
}

function isReady(message: unknown): message is Record<string, unknown> {
  return typeof message === "object" && message !== null && (message as { type?: unknown }).type === "ready";
}
