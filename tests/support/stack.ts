import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@slipway/protocol/client";

const ROOT = join(import.meta.dirname, "..", "..");

export type PartName = "server" | "worker" | "integrator";

export interface StackOptions {
  readonly sandbox?: "bwrap" | "none";
  readonly slots?: number;
  readonly verifySlots?: number;
  /** Data folder to use; a fresh temporary one where it is missing. It is removed in the end only in the latter case. */
  readonly data?: string;
}

/** The real processes of an installation, each of which can be killed and started again. Logs are in `<data>/<part>.log`. */
export class Stack implements AsyncDisposable {
  readonly data: string;
  readonly #options: StackOptions;
  readonly #parts = new Map<PartName, ChildProcess>();
  #url = "";
  #port = 0;

  private constructor(data: string, options: StackOptions) {
    this.data = data;
    this.#options = options;
  }

  /** Starts server, worker and integrator, and waits until each says that it is ready. */
  static async start(options: StackOptions = {}): Promise<Stack> {
    const stack = new Stack(options.data ?? (await mkdtemp(join(tmpdir(), "slipway-stack-"))), options);
    try {
      for (const part of ["server", "worker", "integrator"] as const) await stack.start(part);
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
    return stack;
  }

  get url(): string {
    return this.#url;
  }

  /** A client with a role's own token. */
  async client(role: "admin" | "worker" | "integrator" = "admin"): Promise<Client> {
    return new Client({ url: this.#url, token: (await readFile(join(this.data, "tokens", `${role}.token`), "utf8")).trim() });
  }

  pid(part: PartName): number {
    const pid = this.#parts.get(part)?.pid;
    if (pid === undefined) throw new Error(`${part} is not running`);
    return pid;
  }

  /** Starts a part and resolves when it is ready. The server keeps its port over restarts, as a real one does. */
  async start(part: PartName): Promise<void> {
    const child = this.#spawn(part, this.#args(part), join(this.data, `${part}.log`));
    this.#parts.set(part, child);
    const ready = await Promise.race([once(child, "message"), once(child, "exit").then(() => undefined)]);
    if (!ready) throw new Error(`${part} ended before it was ready:\n${(await readFile(join(this.data, `${part}.log`), "utf8")).slice(-4_000)}`);
    const message = ready[0] as { url?: string };
    if (part === "server" && message.url) {
      this.#url = message.url;
      this.#port = Number(new URL(message.url).port);
    }
  }

  /** Sends a signal; with SIGKILL and SIGTERM it waits until the process is gone. */
  async signal(part: PartName, signal: NodeJS.Signals): Promise<void> {
    const child = this.#parts.get(part);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    if (signal === "SIGKILL" || signal === "SIGTERM") await gone;
  }

  /** `kill -9`, then a new process on the same data. */
  async crash(part: PartName): Promise<void> {
    await this.signal(part, "SIGKILL");
    await this.start(part);
  }

  /** Another worker on the same server, with a data folder of its own below this one. */
  async startSecondWorker(): Promise<AsyncDisposable> {
    const data = join(this.data, "second");
    await mkdir(data, { recursive: true });
    const child = this.#spawn("worker", ["--data", data, ...this.#args("worker").slice(2)], join(data, "worker.log"));
    await once(child, "message");
    return {
      async [Symbol.asyncDispose]() {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, "exit");
        child.kill("SIGTERM");
        await gone;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of ["integrator", "worker", "server"] as const) {
      const child = this.#parts.get(part);
      if (child) child.kill("SIGCONT");
      await this.signal(part, "SIGTERM");
    }
    if (this.#options.data === undefined) await rm(this.data, { recursive: true, force: true });
  }

  #spawn(part: PartName, args: readonly string[], logFile: string): ChildProcess {
    const child = spawn(process.execPath, ["--disable-sigusr1", join(ROOT, "apps", part, "src", "main.ts"), ...args], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, SLIPWAY_LOG_LEVEL: "debug" },
    });
    child.stderr?.pipe(createWriteStream(logFile, { flags: "a" }));
    return child;
  }

  #args(part: PartName): string[] {
    const data = ["--data", this.data];
    if (part === "server") return [...data, "--port", String(this.#port)];
    const server = ["--url", this.#url, "--token-file", join(this.data, "tokens", `${part}.token`)];
    if (part === "integrator") return [...data, ...server];
    const { slots = 4, verifySlots = 2, sandbox = "bwrap" } = this.#options;
    return [...data, ...server, "--slots", String(slots), "--verify-slots", String(verifySlots), "--sandbox", sandbox, "--name", "test"];
  }
}
