import type { TurnResult } from "@slipway/protocol/runner-protocol";
import type { ProbeContext, TurnContext } from "../backend.ts";
import { withDirectGateway } from "../direct-environment.ts";
import { ResidentAgents } from "../resident-agents.ts";
import { cutText } from "../text-limit.ts";
import { abortedTurn, failedTurn } from "../turn-result.ts";
import type { DriverError } from "./driver-messages.ts";
import { findPython } from "./find-python.ts";
import { type DriverTurnEnd, PythonDriver } from "./python-driver.ts";

/** Variables of a job that would steer an agent's library are for its commands alone. */
const STEERING = /^(LITELLM|OPENAI|ANTHROPIC|AZURE|AWS|LLM|MSWEA|OPENHANDS|OH|TIKTOKEN|HF)_/;

/** Of a line that is no message, for the log. */
const GARBAGE_CHARACTERS = 10_000;

/** How a driver went in a turn. */
interface Drive {
  readonly end: DriverTurnEnd;
  /** Whether it took the turn up, or said anything. */
  readonly isHeard: boolean;
  readonly isGarbled: boolean;
}

/** What a backend says of an agent that is a Python library. */
export interface PythonAgentOptions {
  /** As people know it. */
  readonly title: string;
  /** Path of the driver's file. */
  readonly driver: string;
  /** Pythons that are looked for, in their order, where a job names none. */
  readonly pythons: readonly string[];
  /** What to type where there is none that has the agent. */
  readonly installCommand: string;
  /** Added to the driver's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The end of a turn that the driver called failed. */
  failure(error: DriverError): TurnResult;
}

/** The turns of an agent that is a Python library behind a driver of ours, which is started ahead of the first turn and kept between turns. */
export class PythonAgent {
  readonly #options: PythonAgentOptions;
  readonly #residents = new ResidentAgents<PythonDriver>();

  constructor(options: PythonAgentOptions) {
    this.#options = options;
  }

  /** Starts the driver that the sandbox's first turn will take. Does nothing where there is no Python for it. */
  async warmUp({ env, home, signal }: ProbeContext): Promise<void> {
    const python = await findPython(this.#options.pythons.slice(0, 1), env["PATH"]);
    if (python === undefined) return;
    const driver = this.#start(python, env, home);
    await this.#residents.keepAhead(driver);
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    if (signal.aborted) aborted.resolve();
    // A turn has come, which takes the driver as far as it is.
    await Promise.race([driver.warm(), aborted.promise]);
  }

  /** One turn. `python` is the job's own choice; `request` has the fields of the agent's driver beside prompt, turn, workspace, env and images. */
  async turn(turn: TurnContext, python: string | undefined, request: Readonly<Record<string, unknown>>): Promise<TurnResult> {
    const { home, signal } = turn;
    if (signal.aborted) return abortedTurn(signal);
    const found = await findPython(python === undefined ? this.#options.pythons : [python], turn.env["PATH"]);
    if (found === undefined) return this.#notInstalled(`There is no Python for ${this.#options.title}.`, python);
    const kept = await this.#keptFor(home, found);
    const first = await this.#drive(turn, kept ?? this.#start(found, turn.env, home), request);
    // One that had died while it waited says nothing; a new one can go on.
    const isStale = kept !== undefined && !first.isHeard && first.end.kind === "gone" && !signal.aborted;
    const { end, isGarbled } = isStale ? await this.#drive(turn, this.#start(found, turn.env, home), request) : first;
    return signal.aborted ? abortedTurn(signal) : this.#judge(end, isGarbled, python);
  }

  async #drive(turn: TurnContext, driver: PythonDriver, request: Readonly<Record<string, unknown>>): Promise<Drive> {
    const { home, signal, prompt, workspace, env, images } = turn;
    const abort = (): void => void driver.end();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    let isHeard = false;
    let isGarbled = false;
    try {
      const end = await driver.turn(
        { ...request, prompt, turn: turn.turn, workspace, env: withDirectGateway(env), ...(images ? { images } : {}) },
        {
          onBegun() {
            isHeard = true;
          },
          onMessage(message) {
            isHeard = true;
            if (message.type === "event") turn.emit(message.event);
            else turn.log(message.stream, Buffer.from(message.text));
          },
          onGarbage(line) {
            turn.log("stdout", Buffer.from(`${line.slice(0, GARBAGE_CHARACTERS)}\n`));
            if (!isGarbled) turn.emit({ kind: "notice", data: { level: "warning", text: "The agent's driver printed what is no message; it is in the log." } });
            isGarbled = true;
          },
          onStderr: (chunk) => turn.log("stderr", chunk),
        },
      );
      if (end.kind === "result" && !signal.aborted) await this.#residents.keep(home, driver);
      else await driver.end();
      return { end, isHeard, isGarbled };
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Ends all drivers that wait. */
  async endAll(): Promise<void> {
    await this.#residents.endAll();
  }

  async #keptFor(home: string, python: string): Promise<PythonDriver | undefined> {
    for (const take of [() => this.#residents.take(home), () => this.#residents.takeAhead()]) {
      const resident = take();
      if (resident?.launch.python === python) return resident;
      await resident?.end();
    }
    return undefined;
  }

  #start(python: string, env: Readonly<Record<string, string>>, home: string): PythonDriver {
    const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !STEERING.test(name)));
    return new PythonDriver({ python, driver: this.#options.driver, env: { ...withDirectGateway(kept), HOME: home, ...this.#options.env } });
  }

  #judge(end: DriverTurnEnd, isGarbled: boolean, python: string | undefined): TurnResult {
    const { title, failure } = this.#options;
    if (end.kind === "unavailable") return this.#notInstalled(`The Python that was found has no ${title}: ${end.message}.`, python);
    if (end.kind === "result") {
      return end.result.status === "done" ? { status: "done", finalText: cutText(end.result.finalText) } : failure(end.result.error);
    }
    const { exitCode, exitSignal, startError } = end.end;
    if (startError) return this.#notInstalled(`The Python for ${title} cannot be started: ${startError.message}.`, python);
    const how = exitCode === null ? `was ended by ${exitSignal}` : `ended with ${exitCode}`;
    const details = { exitCode, signal: exitSignal, stderr: end.stderrTail };
    return failedTurn(isGarbled ? "BACKEND_OUTPUT_INVALID" : "BACKEND_FAILED", `The driver of ${title} ${how} before the turn did.`, details);
  }

  #notInstalled(message: string, python: string | undefined): TurnResult {
    const remedy = python === undefined ? this.#options.installCommand : "Correct `python` in backendConfig.";
    return failedTurn("BACKEND_NOT_INSTALLED", message, { ...(python === undefined ? {} : { python }), remedy });
  }
}
