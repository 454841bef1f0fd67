import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unmountBelow } from "@slipway/git/bases/mounts";
import { Client } from "@slipway/protocol/client";
import type { SandboxKind } from "@slipway/protocol/sandbox-kind";
import { KillSwitch } from "./kill-switch.ts";
import { type Leftovers, leftovers } from "./leftovers.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/**
 * Jobs of tests fail on purpose, and one test must not have another one wait. Their jobs come one after the other mostly, so that one sandbox that waits is
 * enough: each of the others would be a second of a processor for nobody.
 */
const OF_TESTS = { SLIPWAY_CIRCUIT_FAULTS: "0", SLIPWAY_WARM_MAX: "1" };

/** `second` is another worker, with a data folder of its own below the first one's. */
export type PartName = "server" | "gateway" | "worker" | "second" | "integrator";

export interface StackOptions {
  readonly sandbox?: SandboxKind;
  readonly slots?: number;
  readonly verifySlots?: number;
  /** Further flags of the worker. */
  readonly workerFlags?: readonly string[];
  /** Variables that all parts get. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The address by which the other parts know the server, from the plain one. */
  readonly addressOf?: (url: string) => Promise<string>;
  /** Data folder to use; a fresh temporary one where it is missing. It is removed in the end only in the latter case. */
  readonly data?: string;
  /** Folder of the secrets of backends; the worker's own default where it is missing. */
  readonly secrets?: string;
  /** The checkout that the parts run from; this one where it is missing. */
  readonly root?: string;
  /** A gateway with this configuration (YAML) and these keys; none where it is missing. */
  readonly gateway?: { readonly config: string; readonly keys: Readonly<Record<string, string>> };
}

/** The real processes of an installation, each of which can be killed and started again. Their logs lie outside of the data folder, which a test may fill. */
export class Stack implements AsyncDisposable {
  readonly data: string;
  /** Between the server and all others, so that a test can act at an exact moment of their talk. */
  readonly between: KillSwitch;
  readonly #runtime: string;
  readonly #options: StackOptions;
  readonly #parts = new Map<PartName, ChildProcess>();
  #url = "";
  #address = "";
  #port = 0;

  private constructor(folders: { readonly data: string; readonly runtime: string }, between: KillSwitch, options: StackOptions) {
    this.data = folders.data;
    this.#runtime = folders.runtime;
    this.between = between;
    this.#options = options;
  }

  /** Starts server, worker and integrator, and a gateway where one is wanted, and waits until each says that it is ready. */
  static async start(options: StackOptions = {}): Promise<Stack> {
    const data = options.data ?? (await mkdtemp(join(tmpdir(), "slipway-stack-")));
    // Short, and everything that the parts leave in it is gone in the end.
    const runtime = await mkdtemp(join(tmpdir(), "slipway-run-"));
    const stack: Stack = new Stack({ data, runtime }, await KillSwitch.open(() => stack.url), options);
    try {
      stack.#address = (await options.addressOf?.(stack.between.url)) ?? stack.between.url;
      if (options.gateway) await stack.#configureGateway(options.gateway);
      for (const part of stack.#wanted) await stack.start(part);
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
  async client(role: "admin" | "worker" | "integrator" | "gateway" = "admin"): Promise<Client> {
    return new Client({ url: this.#url, token: (await readFile(join(this.data, "tokens", `${role}.token`), "utf8")).trim() });
  }

  pid(part: PartName): number {
    const pid = this.#parts.get(part)?.pid;
    if (pid === undefined) throw new Error(`${part} is not running`);
    return pid;
  }

  /** What a part has logged in all of its lives. */
  async log(part: PartName): Promise<string> {
    return await readFile(this.#logFile(part), "utf8");
  }

  /** Starts a part and resolves when it is ready. The server keeps its port over restarts, as a real one does. */
  async start(part: PartName): Promise<void> {
    const child = this.#spawn(part);
    this.#parts.set(part, child);
    const ready = await Promise.race([once(child, "message"), once(child, "exit").then(() => undefined)]);
    if (!ready) throw new Error(`${part} ended before it was ready:\n${(await this.log(part)).slice(-4_000)}`);
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

  /** Stops all parts in order; a stopped one is woken first. */
  async stop(): Promise<void> {
    for (const part of ["integrator", "second", "worker", "gateway", "server"] as const) {
      await this.signal(part, "SIGCONT");
      await this.signal(part, "SIGTERM");
    }
  }

  /** What there is of this installation now, but for its data. */
  async leftovers(): Promise<Leftovers> {
    return await leftovers(this.data, this.#runtime);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.between[Symbol.asyncDispose]();
    await rm(this.#runtime, { recursive: true, force: true });
    // Of a worker that was killed and not started again.
    for (const worker of ["worker", "second/worker"]) await unmountBelow(join(this.data, worker));
    if (this.#options.data === undefined) await rm(this.data, { recursive: true, force: true });
  }

  get #wanted(): PartName[] {
    return ["server", ...(this.#options.gateway ? (["gateway"] as const) : []), "worker", "integrator"];
  }

  async #configureGateway({ config, keys }: NonNullable<StackOptions["gateway"]>): Promise<void> {
    const folder = join(this.data, "secrets", "gateway");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(this.data, "gateway.yaml"), config);
    for (const [name, key] of Object.entries(keys)) await writeFile(join(folder, name), `${key}\n`, { mode: 0o600 });
  }

  #spawn(part: PartName): ChildProcess {
    const app = part === "second" ? "worker" : part;
    const main = join(this.#options.root ?? ROOT, "apps", app, "src", "main.ts");
    const child = spawn(process.execPath, ["--disable-sigusr1", main, ...this.#args(part)], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, ...OF_TESTS, SLIPWAY_LOG_LEVEL: "debug", XDG_RUNTIME_DIR: this.#runtime, ...this.#options.environment },
    });
    child.stderr?.pipe(createWriteStream(this.#logFile(part), { flags: "a" }));
    return child;
  }

  #args(part: PartName): string[] {
    const data = ["--data", part === "second" ? join(this.data, "second") : this.data];
    if (part === "server") return [...data, "--port", String(this.#port)];
    const role = part === "second" ? "worker" : part;
    const server = ["--url", this.#address, "--token-file", join(this.data, "tokens", `${role}.token`)];
    if (part === "integrator") return [...data, ...server];
    const gatewayFolder = join(this.#runtime, "gateway");
    if (part === "gateway") return ["serve", ...data, ...server, "--socket", join(gatewayFolder, "s")];
    const { slots = 4, verifySlots = 2, sandbox = "bwrap", secrets, workerFlags = [] } = this.#options;
    return [
      ...data,
      ...server,
      "--slots",
      String(slots),
      "--verify-slots",
      String(verifySlots),
      "--sandbox",
      sandbox,
      "--name",
      part,
      "--gateway-folder",
      gatewayFolder,
      ...(secrets === undefined ? [] : ["--secrets", secrets]),
      ...workerFlags,
    ];
  }

  #logFile(part: PartName): string {
    return join(this.#runtime, `${part}.log`);
  }
}
