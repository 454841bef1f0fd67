import { mkdir } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import type { CommandResult, Sandbox, SandboxCommand, SandboxRecord } from "./sandbox.ts";

export interface CommandSandboxParts {
  readonly record: SandboxRecord;
  readonly inside: Sandbox["inside"];
  runOneShot(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult>;
  expect?(shape: Pick<SandboxCommand, "network" | "mounts">): void;
  /** Ends what was started ahead and not used. */
  endExpected?(): Promise<void>;
}

/** A sandbox without a runner, of either kind: every command makes its own and ends it, so there is nothing to start and nothing to watch. */
export class CommandSandbox implements Sandbox {
  readonly #parts: CommandSandboxParts;
  readonly #commands = new Set<Promise<unknown>>();
  /** Replaced at the end, so that one-shots can run after it. */
  #running = new AbortController();

  private constructor(parts: CommandSandboxParts) {
    this.#parts = parts;
  }

  /** Makes the folders of the spec as far as they are missing. */
  static async open(parts: CommandSandboxParts): Promise<CommandSandbox> {
    const { workspace, home } = parts.record.spec;
    await Promise.all([workspace, home].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
    return new CommandSandbox(parts);
  }

  get record(): SandboxRecord {
    return this.#parts.record;
  }

  get inside(): Sandbox["inside"] {
    return this.#parts.inside;
  }

  /** INTERNAL: there is no runner. */
  async turn(): Promise<never> {
    throw new SlipwayError("INTERNAL", "A turn was asked of a sandbox that has no runner.", { sandbox: this.record.spec.id });
  }

  async run(command: SandboxCommand, signal: AbortSignal): Promise<CommandResult> {
    const result = this.#parts.runOneShot(command, AbortSignal.any([signal, this.#running.signal]));
    this.#commands.add(result);
    try {
      return await result;
    } finally {
      this.#commands.delete(result);
    }
  }

  expect(shape: Pick<SandboxCommand, "network" | "mounts">): void {
    this.#parts.expect?.(shape);
  }

  /** Nothing of it is resident. */
  memoryEvidence(): null {
    return null;
  }

  async end(): Promise<void> {
    this.#running.abort(new SlipwayError("RUNNER_LOST", "The sandbox was ended."));
    this.#running = new AbortController();
    // How each of them ended is its caller's to hear.
    await Promise.allSettled(this.#commands);
    await this.#parts.endExpected?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
