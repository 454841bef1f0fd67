import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** After SIGINT Codex ends the commands of the model, each in a session of its own, within some 60 ms. Whoever takes longer is killed. */
const INTERRUPT_GRACE_MS = 500;
/** After its final event Codex writes its session and exits. */
const EXIT_GRACE_MS = 3_000;
/** What the model left running may hold the pipes open for ever; this long after the exit nobody listens any more. */
const DRAIN_LIMIT_MS = 100;

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly exitSignal: NodeJS.Signals | null;
  /** Why it could not be started. */
  readonly startError: Error | undefined;
}

export interface CodexProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly prompt: string;
  onStdout(chunk: Buffer): void;
  onStderr(chunk: Buffer): void;
}

/** One process of Codex, in a process group of its own. */
export class CodexProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves when it is gone and what it said has been heard. */
  readonly ended: Promise<ProcessEnd>;
  #killTimer: NodeJS.Timeout | undefined;

  constructor({ program, args, cwd, env, prompt, onStdout, onStderr }: CodexProcessOptions) {
    this.#child = spawn(program, args, { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdout.on("data", onStdout);
    this.#child.stderr.on("data", onStderr);
    // A Codex that is gone before it has read its prompt says why in another way.
    this.#child.stdin.on("error", () => undefined);
    this.#child.stdin.end(prompt);
    this.ended = this.#end();
  }

  /** Ends the turn at once, and with it the commands that the model runs. */
  interrupt(): void {
    this.#child.kill("SIGINT");
    this.#killAfter(INTERRUPT_GRACE_MS);
  }

  /** Lets it exit by itself, for a while. */
  expectExit(): void {
    this.#killAfter(EXIT_GRACE_MS);
  }

  #killAfter(graceMs: number): void {
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#killGroup(), graceMs);
  }

  async #end(): Promise<ProcessEnd> {
    const child = this.#child;
    const closed = once(child, "close").catch(() => undefined); // an error of the start, told below
    try {
      const [exitCode, exitSignal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
      const limit = Promise.withResolvers<void>();
      const timer = setTimeout(limit.resolve, DRAIN_LIMIT_MS);
      await Promise.race([closed, limit.promise]);
      clearTimeout(timer);
      return { exitCode, exitSignal, startError: undefined };
    } catch (error) {
      return { exitCode: null, exitSignal: null, startError: error as Error };
    } finally {
      clearTimeout(this.#killTimer);
      this.#killGroup();
      child.stdout.removeAllListeners("data").destroy();
      child.stderr.removeAllListeners("data").destroy();
    }
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // Nobody is left in it.
    }
  }
}
