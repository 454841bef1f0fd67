import { type ChildProcessByStdio, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** How long an agent may take after SIGINT, in ms, before it is killed. */
const INTERRUPT_GRACE_MS = 500;
/** How long an agent may take to exit after its final event, in ms. */
const EXIT_GRACE_MS = 3_000;
/** What the model left running may hold the pipes open for ever; this long after the exit nobody listens any more. */
const DRAIN_LIMIT_MS = 100;

/** How an agent's process went. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly exitSignal: NodeJS.Signals | null;
  /** Why it could not be started. */
  readonly startError: Error | undefined;
}

/** What an agent's process is started with, and who hears it. */
export interface AgentProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Given on standard input, which is closed behind it; where it is missing, standard input stays open for `write`. */
  readonly input?: string;
  /** Given on file descriptor 3, which is closed behind it: of a token that comes this way no argument and no environment tells. */
  readonly secret?: string;
  /** The secret is not known yet: file descriptor 3 is open, and `giveSecret` gives it. */
  readonly isSecretLate?: boolean;
  onStdout(chunk: Buffer): void;
  onStderr(chunk: Buffer): void;
}

/** One process of an agent's CLI, in a process group of its own that goes with it. */
export class AgentProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves when it is gone and what it said has been heard. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  #killTimer: NodeJS.Timeout | undefined;

  constructor({ program, args, cwd, env, input, secret, isSecretLate = false, onStdout, onStderr }: AgentProcessOptions) {
    const stdio: StdioOptions = ["pipe", "pipe", "pipe", ...(secret === undefined && !isSecretLate ? [] : (["pipe"] as const))];
    this.#child = spawn(program, args, { cwd, env, detached: true, stdio }) as ChildProcessByStdio<Writable, Readable, Readable>;
    if (secret !== undefined) this.giveSecret(secret);
    this.#child.stdout.on("data", onStdout);
    this.#child.stderr.on("data", onStderr);
    // An agent that is gone before it has read its input says why in another way.
    this.#child.stdin.on("error", () => undefined);
    if (input !== undefined) this.#child.stdin.end(input);
    this.ended = this.#end();
  }

  /** Undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Its standard streams, for a library that speaks over them. */
  get streams(): { readonly stdin: Writable; readonly stdout: Readable } {
    return { stdin: this.#child.stdin, stdout: this.#child.stdout };
  }

  /** Writes to its standard input. */
  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Gives it the secret, once. */
  giveSecret(secret: string): void {
    const pipe = this.#child.stdio[3] as Writable | null | undefined;
    // An agent that does not read it says why in another way.
    pipe?.on("error", () => undefined).end(secret);
  }

  /** Interrupts it as a person would with Ctrl-C; whoever does not end soon is killed, and its group with it. */
  interrupt(): void {
    this.#child.kill("SIGINT");
    this.#killAfter(INTERRUPT_GRACE_MS);
  }

  /** Closes its standard input and lets it exit by itself, for a while. */
  expectExit(): void {
    this.#child.stdin.end();
    this.#killAfter(EXIT_GRACE_MS);
  }

  /** Ends it and its group at once. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // Nobody is left in it.
    }
  }

  #killAfter(graceMs: number): void {
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.kill(), graceMs);
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
      this.kill();
      child.stdout.removeAllListeners("data").destroy();
      child.stderr.removeAllListeners("data").destroy();
    }
  }
}
