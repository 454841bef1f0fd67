import { AgentProcess, type ProcessEnd } from "@slipway/backend-sdk/agent-process";
import { descendantsOf, killAll } from "@slipway/backend-sdk/descendants";
import { LineSplitter } from "@slipway/backend-sdk/line-splitter";
import { type ResidentAgent, ResidentAgents } from "@slipway/backend-sdk/resident-agents";
import { UNHEARD } from "../codex-events.ts";
import { ThreadUsages } from "../thread-usages.ts";
import type { Launch } from "./launch.ts";
import { parseServerMessage, type ServerMessage } from "./messages.ts";

/** A command's whole output stands in one line, of which Codex keeps a mebibyte; escapes make it longer. */
const LINE_LIMIT_BYTES = 16 * 1024 * 1024;
const STDERR_TAIL_CHARACTERS = 4_000;
/** How long an interrupt may take, in ms: Codex then writes down that the turn was broken off. */
const INTERRUPT_GRACE_MS = 300;
/** How long Codex may take to go after a cancel, and at any other time, in ms. */
const CANCELLED_EXIT_GRACE_MS = 300;
const EXIT_GRACE_MS = 1_000;
/** JSON-RPC's code for what is not known here. */
const NO_SUCH_METHOD = -32_601;

/** Who hears Codex, for as long as a turn lasts. */
export interface Listener {
  onNotification(method: string, params: unknown): void;
  /** What Codex asks; undefined where nobody here can answer that. */
  onRequest(method: string, params: unknown): object | undefined;
  /** A line that is no message. */
  onGarbage(line: string): void;
  onTooLong(limitBytes: number): void;
  onStderr(chunk: Buffer): void;
}

/** What became of a request of ours. */
export type Answer =
  | { readonly kind: "answer"; readonly result?: unknown }
  | { readonly kind: "refusal"; readonly message: string }
  | { readonly kind: "gone"; readonly end: ProcessEnd };

/** A process of `codex app-server`, which takes one turn after the other. */
export class CodexServer implements ResidentAgent {
  readonly fingerprint: string;
  readonly ended: Promise<ProcessEnd>;
  readonly usages = new ThreadUsages();
  readonly #process: AgentProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #listener: Listener | undefined;
  #requests = 0;
  #isAlive = true;
  #greeting: Promise<Answer> | undefined;
  /** The conversation in it, and what that was opened with. */
  thread: { readonly id: string; readonly fingerprint: string } | undefined;
  stderrTail = "";
  /** Whether something came that is no message. */
  isGarbled = false;

  constructor({ program, args, cwd, env, fingerprint }: Launch) {
    this.fingerprint = fingerprint;
    const lines = new LineSplitter(
      LINE_LIMIT_BYTES,
      (line) => this.#line(line),
      () => this.#listener?.onTooLong(LINE_LIMIT_BYTES),
    );
    this.#process = new AgentProcess({
      ...{ program, args, cwd, env },
      onStdout: (chunk) => lines.push(chunk),
      onStderr: (chunk) => {
        this.stderrTail = (this.stderrTail + chunk.toString()).slice(-STDERR_TAIL_CHARACTERS);
        this.#listener?.onStderr(chunk);
      },
    });
    this.ended = this.#process.ended.then((end) => {
      this.#isAlive = false;
      lines.end();
      for (const settle of this.#waiting.values()) settle({ kind: "gone", end });
      this.#waiting.clear();
      return end;
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** From now on this one hears it; nobody where it is missing. */
  listen(listener: Listener | undefined): void {
    this.#listener = listener;
  }

  /** Says hello, once. */
  async greet(): Promise<Answer> {
    this.#greeting ??= this.request("initialize", {
      clientInfo: { name: "slipway", title: null, version: "1" },
      // The end of commands in the background is among what counts as experimental.
      capabilities: { experimentalApi: true, requestAttestation: false, optOutNotificationMethods: UNHEARD },
    }).then((answer) => {
      if (answer.kind === "answer") this.#write({ method: "initialized" });
      return answer;
    });
    return await this.#greeting;
  }

  /** Asks Codex for something. Never rejects. `onResult` hears the result before anything that Codex says after it. */
  async request(method: string, params: object, onResult?: (result: unknown) => void): Promise<Answer> {
    if (!this.#isAlive) return { kind: "gone", end: await this.ended };
    this.#requests += 1;
    const number = this.#requests;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(number, (answer) => {
      if (answer.kind === "answer") onResult?.(answer.result);
      resolve(answer);
    });
    this.#write({ id: number, method, params });
    return await promise;
  }

  /** Ends the commands that the model has left running. */
  async endCommands(): Promise<void> {
    if (this.thread) await this.request("thread/backgroundTerminals/clean", { threadId: this.thread.id });
  }

  /** Breaks off the turn, where one has begun, and ends Codex, with all that it has started. */
  async cancel(turnId: string | undefined): Promise<void> {
    const threadId = this.thread?.id;
    if (threadId !== undefined && turnId !== undefined) {
      const grace = Promise.withResolvers<void>();
      const timer = setTimeout(grace.resolve, INTERRUPT_GRACE_MS);
      await Promise.race([this.request("turn/interrupt", { threadId, turnId }), grace.promise]);
      clearTimeout(timer);
    }
    const { pid } = this.#process;
    // Its commands have sessions of their own, and go on after an interrupt.
    if (pid !== undefined && this.#isAlive) killAll(descendantsOf(pid));
    await this.#leave(CANCELLED_EXIT_GRACE_MS);
  }

  async end(): Promise<void> {
    this.#listener = undefined;
    await this.#leave(EXIT_GRACE_MS);
  }

  /** It goes when its standard input is closed, and takes its commands with it. */
  async #leave(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#process.kill(), graceMs);
    this.#process.expectExit();
    await this.ended;
    clearTimeout(timer);
  }

  #line(line: string): void {
    if (line.trim() === "") return;
    const message = parseServerMessage(line);
    if (message) {
      this.#take(message);
      return;
    }
    this.isGarbled = true;
    this.#listener?.onGarbage(line);
  }

  #take(message: ServerMessage): void {
    switch (message.kind) {
      case "notification":
        this.#listener?.onNotification(message.method, message.params);
        return;
      case "request": {
        const result = this.#listener?.onRequest(message.method, message.params);
        const refusal = { code: NO_SUCH_METHOD, message: `Nobody here answers ${message.method}.` };
        this.#write({ id: message.id, ...(result ? { result } : { error: refusal }) });
        return;
      }
      default: {
        const { id, ...answer } = message;
        this.#waiting.get(id)?.(answer);
        this.#waiting.delete(id);
      }
    }
  }

  #write(message: object): void {
    this.#process.write(`${JSON.stringify(message)}\n`);
  }
}

/** Those that wait for a turn: the next one of their conversation, or the first one of their sandbox. */
export const residents = new ResidentAgents<CodexServer>();
