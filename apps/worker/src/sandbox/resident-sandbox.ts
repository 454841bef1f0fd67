import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { rm } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { TurnRequest, TurnResult } from "@slipway/protocol/runner-protocol";
import type { SteerMessage } from "../attempt/steer-inbox.ts";
import { turnEnvironment } from "./environment-of-turn.ts";
import type { ResourceGroup } from "./limits/resource-groups.ts";
import type { RunnerLink } from "./link/runner-link.ts";
import { watchProcesses } from "./processes.ts";
import type { CommandResult, MemoryEvidence, ProcessEvidence, Sandbox, SandboxCommand, SandboxRecord, Sockets, TurnOptions } from "./sandbox.ts";

const LAST_WORDS_BYTES = 2_048;
/** After the end comes the commit, for which something may wait that was started ahead. */
const COMMIT_GRACE_MS = 30_000;

export interface ResidentParts {
  readonly record: SandboxRecord;
  readonly inside: Sandbox["inside"];
  readonly link: RunnerLink;
  /** The end of what the runner wrote on standard error. */
  lastWords(): string;
  readonly socketFolder: string;
  /** The same folder as the inside sees it, where it needs a way out. */
  readonly socketsInside?: string | undefined;
  /** Who uses them there; the worker's own user where it is missing. */
  readonly socketsOwner?: Sockets["owner"];
  readonly group: ResourceGroup;
  /** Calls `onGone` once when what the sandbox stands and falls with is gone; the record's processes are watched where this is missing. */
  watch?(onGone: () => void): Watch;
  /** Kills everything inside and resolves when it is gone. */
  endProcesses(): Promise<void>;
  runOneShot(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult>;
  expect?(shape: Pick<SandboxCommand, "network" | "mounts">): void;
  /** Ends what was started ahead and is not used within this time. */
  endExpected?(graceMs: number): Promise<void>;
}

export interface Watch {
  /** Looks at once. */
  look(): void;
  stop(): void;
}

/** A sandbox with a resident runner, of either kind: the link to it, the watch over it, its end. */
export class ResidentSandbox implements Sandbox {
  readonly #parts: ResidentParts;
  readonly #watch: Watch;
  /** Replaced at the end, so that one-shots can run after it. */
  #running = new AbortController();
  #ending: Promise<void> | undefined;
  #losing: Promise<void> | undefined;

  constructor(parts: ResidentParts) {
    this.#parts = parts;
    const onGone = (): void => {
      this.#losing = this.#lost();
    };
    this.#watch = parts.watch ? parts.watch(onGone) : watchProcesses(parts.record.processes, onGone);
  }

  get record(): SandboxRecord {
    return this.#parts.record;
  }

  get inside(): Sandbox["inside"] {
    return this.#parts.inside;
  }

  get sockets(): Sandbox["sockets"] {
    const { socketFolder, socketsInside, socketsOwner } = this.#parts;
    return socketsInside === undefined ? undefined : { host: socketFolder, inside: socketsInside, owner: socketsOwner };
  }

  get warmedUp(): Sandbox["warmedUp"] {
    return this.#parts.link.warmedUp;
  }

  /** Tells the runner what its turn will most likely have, where the spec says it. */
  startAhead(): void {
    const { spec } = this.record;
    if (spec.ahead === undefined || spec.warmFor === undefined) return;
    const { workspace, home } = this.inside;
    this.#parts.link.startAhead({ type: "ahead", backend: spec.warmFor, workspace, home, env: turnEnvironment(this.inside), ...spec.ahead });
  }

  async turn(request: TurnRequest, options: TurnOptions): Promise<TurnResult> {
    return await this.#parts.link.turn(request, options);
  }

  steer(turnId: string, message: SteerMessage): boolean {
    return this.#parts.link.steer(turnId, message);
  }

  async ping(limitMs: number): Promise<boolean> {
    return await this.#parts.link.ping(limitMs);
  }

  async run(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
    return await this.#parts.runOneShot(command, AbortSignal.any([signal, this.#running.signal]));
  }

  expect(shape: Pick<SandboxCommand, "network" | "mounts">): void {
    this.#parts.expect?.(shape);
  }

  memoryEvidence(): MemoryEvidence | null {
    return this.#parts.group.memoryEvidence();
  }

  processEvidence(): ProcessEvidence | null {
    return this.#parts.group.processEvidence?.() ?? null;
  }

  /** Looks at once whether the runner is still there. */
  look(): void {
    this.#watch.look();
  }

  end(): Promise<void> {
    if (this.#ending) return this.#endAgain(this.#ending);
    this.#ending = this.#end();
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #endAgain(before: Promise<void>): Promise<void> {
    await before;
    await this.#parts.endExpected?.(0);
  }

  async #end(): Promise<void> {
    this.#watch.stop();
    const reason = new SlipwayError("RUNNER_LOST", "The sandbox was ended.");
    this.#running.abort(reason);
    this.#running = new AbortController();
    await this.#parts.group.end();
    await this.#parts.endProcesses();
    await this.#parts.link.close(reason);
    // What it still ends would else be a command that runs after the end, such as the commit's.
    await this.#losing;
    await rm(this.#parts.socketFolder, { recursive: true, force: true });
    await this.#parts.endExpected?.(COMMIT_GRACE_MS);
  }

  /** The runner ended by itself: what it left is ended too, and the running turn is told. */
  async #lost(): Promise<void> {
    await this.#parts.link.lose(new SlipwayError("RUNNER_LOST", undefined, { lastWords: this.#parts.lastWords() }));
    // What cannot be ended now is tried again, and told, by end().
    await this.#parts.endProcesses().catch(() => {});
  }
}

/** The end of a log file as text; empty where there is none. */
export function lastWords(path: string): string {
  try {
    const file = openSync(path, "r");
    try {
      const bytes = Buffer.alloc(LAST_WORDS_BYTES);
      const size = fstatSync(file).size;
      const length = readSync(file, bytes, 0, bytes.length, Math.max(0, size - bytes.length));
      return bytes.toString("utf8", 0, length).trim();
    } finally {
      closeSync(file);
    }
  } catch {
    // No log, no words.
    return "";
  }
}
