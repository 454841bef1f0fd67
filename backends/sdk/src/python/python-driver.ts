import { join } from "node:path";
import { AgentProcess, type ProcessEnd } from "../agent-process.ts";
import { LineSplitter } from "../line-splitter.ts";
import type { ResidentAgent } from "../resident-agents.ts";
import { type DriverMessage, type DriverResult, parseDriverMessage } from "./driver-messages.ts";

/** A tool result of 100,000 characters with all of them escaped stays below. */
const LINE_LIMIT_BYTES = 16 * 1024 * 1024;
const STDERR_TAIL_CHARACTERS = 4_000;
/** Nothing of the environment or of a home steers Python, nothing is written beside the sources, and text is UTF-8 whatever the locale. */
const PYTHON_OPTIONS = ["-E", "-s", "-B", "-X", "utf8"];

/** How a driver is started. */
export interface DriverLaunch {
  /** The interpreter, whose packages have the agent. */
  readonly python: string;
  /** The driver's file. */
  readonly driver: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Who hears what a driver says in a turn. */
export interface DriverListener {
  /** It has taken the turn up. */
  onBegun(): void;
  onMessage(message: Extract<DriverMessage, { type: "event" | "log" }>): void;
  /** A line that is no message, or one that is too long. */
  onGarbage(line: string): void;
  onStderr(chunk: Buffer): void;
}

/** How a turn of a driver ended: by its own word, or with its process. */
export type DriverTurnEnd =
  | { readonly kind: "result"; readonly result: DriverResult }
  /** Its Python has no such agent, or not all that it needs. */
  | { readonly kind: "unavailable"; readonly message: string }
  | { readonly kind: "gone"; readonly end: ProcessEnd; readonly stderrTail: string };

/** A driver's process: one turn at a time, as many as it lives for. `slipway_driver.py` is its other side. */
export class PythonDriver implements ResidentAgent {
  readonly launch: DriverLaunch;
  readonly #process: AgentProcess;
  readonly #ready = Promise.withResolvers<void>();
  readonly #warmed = Promise.withResolvers<void>();
  #listener: DriverListener | undefined;
  #turn: PromiseWithResolvers<DriverTurnEnd> | undefined;
  #unavailable: string | undefined;
  #stderrTail = "";
  #isAlive = true;

  constructor(launch: DriverLaunch) {
    this.launch = launch;
    // It may end before anybody waits for it.
    this.#ready.promise.catch(() => undefined);
    this.#warmed.promise.catch(() => undefined);
    const lines = new LineSplitter(
      LINE_LIMIT_BYTES,
      (line) => this.#line(line),
      () => this.#listener?.onGarbage(`(a line of more than ${LINE_LIMIT_BYTES} bytes)`),
    );
    this.#process = new AgentProcess({
      program: launch.python,
      args: [...PYTHON_OPTIONS, launch.driver, import.meta.dirname],
      cwd: join(launch.driver, ".."),
      env: launch.env,
      onStdout: (chunk) => lines.push(chunk),
      onStderr: (chunk) => {
        this.#stderrTail = (this.#stderrTail + chunk.toString()).slice(-STDERR_TAIL_CHARACTERS);
        this.#listener?.onStderr(chunk);
      },
    });
    void this.#process.ended.then((end) => this.#gone(end));
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Resolves when the agent's library is loaded and was tried once. Rejects where the driver ends before. */
  async warm(): Promise<void> {
    await this.#ready.promise;
    this.#write({ type: "warm" });
    await this.#warmed.promise;
  }

  /** Runs a turn; `request` has the fields that this driver takes. */
  async turn(request: Readonly<Record<string, unknown>>, listener: DriverListener): Promise<DriverTurnEnd> {
    this.#listener = listener;
    this.#turn = Promise.withResolvers<DriverTurnEnd>();
    if (this.#isAlive) this.#write({ ...request, type: "turn" });
    else this.#gone(await this.#process.ended);
    const end = await this.#turn.promise;
    this.#turn = undefined;
    this.#listener = undefined;
    return end;
  }

  /** Ends it and what it started: in the middle of a turn too, which then ends as gone. */
  async end(): Promise<void> {
    this.#isAlive = false;
    this.#process.interrupt();
    await this.#process.ended;
  }

  #write(message: object): void {
    this.#process.write(`${JSON.stringify(message)}\n`);
  }

  #line(line: string): void {
    const message = parseDriverMessage(line);
    if (message === undefined) {
      this.#listener?.onGarbage(line);
      return;
    }
    switch (message.type) {
      case "ready":
        this.#ready.resolve();
        return;
      case "warmed":
        this.#warmed.resolve();
        return;
      case "begun":
        this.#listener?.onBegun();
        return;
      case "unavailable":
        this.#unavailable = message.message;
        return;
      case "end":
        this.#turn?.resolve({ kind: "result", result: message.result });
        return;
      default:
        this.#listener?.onMessage(message);
    }
  }

  #gone(end: ProcessEnd): void {
    this.#isAlive = false;
    const why = new Error(this.#unavailable ?? end.startError?.message ?? `the driver ended: ${this.#stderrTail.slice(-500)}`);
    this.#ready.reject(why);
    this.#warmed.reject(why);
    if (this.#unavailable !== undefined) this.#turn?.resolve({ kind: "unavailable", message: this.#unavailable });
    else this.#turn?.resolve({ kind: "gone", end, stderrTail: this.#stderrTail });
  }
}
