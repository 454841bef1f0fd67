import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { compileCacheFolder } from "@slipway/process/compile-cache";
import { SlipwayError } from "@slipway/protocol/errors";
import { makeDataFolder } from "./data-folder.ts";
import type { StackOptions, SupervisorOrder, SupervisorReport } from "./messages.ts";

/** Server, worker, integrator and gateway, run by a supervisor process for as long as this object lives. */
export class Stack {
  readonly url: string;
  /** Resolves when all parts are up; rejects with the error of one that could not start. */
  readonly complete: Promise<void>;
  readonly #supervisor: ChildProcess;

  private constructor(supervisor: ChildProcess, url: string, complete: Promise<void>) {
    this.#supervisor = supervisor;
    this.url = url;
    this.complete = complete;
  }

  /**
   * Starts the processes and waits until the server takes calls. Fails with the first part's own error, such as DATA_FOLDER_IN_USE; with INVALID_REQUEST where the data folder cannot be made.
   * `onReport` hears of crashes and restarts.
   */
  static async start(options: StackOptions, onReport: (report: SupervisorReport) => void = () => undefined): Promise<Stack> {
    makeDataFolder(options.data);
    const main = fileURLToPath(new URL("supervisor.ts", import.meta.url));
    const supervisor = spawn(process.execPath, ["--disable-sigusr1", "--disable-warning=ExperimentalWarning", main, JSON.stringify(options)], {
      // A group of its own: a Ctrl-C in the terminal is for the command line alone.
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: { ...process.env, NODE_COMPILE_CACHE: compileCacheFolder() },
    });
    const listening = Promise.withResolvers<string>();
    const complete = Promise.withResolvers<void>();
    const fail = (error: SlipwayError): void => {
      listening.reject(error);
      complete.reject(error);
    };
    // A caller that only reads does not wait for it.
    complete.promise.catch(() => undefined);
    supervisor.on("message", (report: SupervisorReport) => {
      if (report.type === "listening") listening.resolve(report.url);
      if (report.type === "ready") complete.resolve();
      if (report.type === "failed") fail(new SlipwayError(report.failure.code, report.failure.message, report.failure.details));
      onReport(report);
    });
    supervisor.once("exit", (code, signal) => {
      fail(new SlipwayError("INTERNAL", `Slipway's supervisor ended before it was ready (${signal ?? `exit code ${code}`}).`));
    });
    try {
      return new Stack(supervisor, await listening.promise, complete.promise);
    } catch (error) {
      await ended(supervisor);
      throw error;
    }
  }

  /** Stops all processes and waits for them. */
  async stop(): Promise<void> {
    await this.#order({ type: "stop" });
    await ended(this.#supervisor);
  }

  /**
   * Gives the stack up: it stops by itself as soon as no job is at work. Waits up to `waitMs` for that; answers false where it lives on
   * (then this process may end without it).
   */
  async release(waitMs: number): Promise<boolean> {
    await this.#order({ type: "release" });
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, waitMs, false);
    const stopped = await Promise.race([ended(this.#supervisor).then(() => true), late]);
    clearTimeout(timer);
    if (!stopped) {
      this.#supervisor.disconnect();
      this.#supervisor.unref();
    }
    return stopped;
  }

  /** Resolves when the supervisor has ended, for whatever reason. */
  async ended(): Promise<void> {
    await ended(this.#supervisor);
  }

  async #order(order: SupervisorOrder): Promise<void> {
    if (!this.#supervisor.connected) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    // An error here means that the supervisor has just ended, which is what `stop` wants.
    this.#supervisor.send(order, () => resolve());
    await promise;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
