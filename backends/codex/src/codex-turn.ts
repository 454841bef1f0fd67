import type { ProcessEnd } from "@slipway/backend-sdk/agent-process";
import type { TurnContext } from "@slipway/backend-sdk/backend";
import { answerPermission } from "@slipway/backend-sdk/permission";
import { cutText } from "@slipway/backend-sdk/text-limit";
import { abortedTurn, failedTurn } from "@slipway/backend-sdk/turn-result";
import { SlipwayError } from "@slipway/protocol/errors";
import type { TurnResult } from "@slipway/protocol/runner-protocol";
import { type Answer, type CodexServer, residents } from "./app-server/codex-server.ts";
import { answerRequest } from "./approvals.ts";
import { begunTurn, openedThread } from "./codex-events.ts";
import type { CodexConfig } from "./config.ts";
import { failedByCodex } from "./failure.ts";
import { sessionFile } from "./session.ts";
import { Steering } from "./steering.ts";
import { type TurnEnd, TurnReader } from "./turn-reader.ts";

/** How long Codex may take to start and to open its thread, in ms; an MCP server has a minute of it. */
const START_LIMIT_MS = 120_000;
/** Codex names those that it could not start, each with why. */
const SERVERS_FAILED = /required MCP servers failed to initialize: (.+?)(?: \(code -?\d+\))?$/m;

/** How a turn went in its process. */
type Over =
  | { readonly kind: "end"; readonly end: TurnEnd }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "gone"; readonly end: ProcessEnd };

/** One turn of Codex, in whichever process takes it. */
export class CodexTurn {
  readonly #turn: TurnContext<CodexConfig>;
  readonly #thread: object;
  readonly #permissions: object;
  /** Whether its conversation begins with this turn. */
  #isNewThread = false;

  constructor(turn: TurnContext<CodexConfig>, thread: object, permissions: object) {
    this.#turn = turn;
    this.#thread = thread;
    this.#permissions = permissions;
  }

  /** Equal where a thread that is open could take the turn. */
  get fingerprint(): string {
    return JSON.stringify(this.#thread);
  }

  /** Plays the turn, after which the process waits for the next one, or is gone. Undefined where it had waited, and was gone before the turn began. */
  async play(server: CodexServer, { mayBeGone }: { readonly mayBeGone: boolean }): Promise<TurnResult | undefined> {
    const { signal } = this.#turn;
    const over = Promise.withResolvers<Over>();
    const reader = this.#listen(server, (end) => over.resolve({ kind: "end", end }));
    const aborted = Promise.withResolvers<"aborted">();
    const abort = (): void => aborted.resolve("aborted");
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    const course: { turnId?: string } = {};
    let isKept = false;
    try {
      const begun = await Promise.race([this.#begin(server, reader), aborted.promise]);
      if (begun === "aborted") return abortedTurn(signal);
      if (typeof begun === "object") {
        if (begun.kind === "gone" && mayBeGone) return undefined;
        return this.#judge(server, reader, begun);
      }
      course.turnId = begun;
      const steering = new Steering(this.#turn, server, reader, begun);
      const gone = server.ended.then((end) => ({ kind: "gone", end }) as const);
      const how = await Promise.race([over.promise, gone, aborted.promise]);
      if (how === "aborted") return abortedTurn(signal);
      isKept = how.kind === "end" && how.end.status === "completed" && !reader.hasHelpers;
      // What a person said is answered, and what the model left running ends, as it did with Codex itself.
      const closing = Promise.all([steering.end(), isKept ? server.endCommands() : undefined]);
      if ((await Promise.race([closing, aborted.promise])) === "aborted") return abortedTurn(signal);
      const { usage } = server.usages;
      if (usage) this.#turn.emit({ kind: "usage", data: usage });
      return this.#judge(server, reader, how);
    } finally {
      signal.removeEventListener("abort", abort);
      server.listen(undefined);
      if (signal.aborted) await server.cancel(course.turnId);
      else if (isKept) await residents.keep(this.#turn.home, server);
      else await server.end();
    }
  }

  #listen(server: CodexServer, onOver: (end: TurnEnd) => void): TurnReader {
    const { turn, workspace, emit, log } = this.#turn;
    const { usages } = server;
    usages.begin();
    const reader = new TurnReader({ turn, workspace, emit, log, usages, onOver });
    server.listen({
      onNotification: (method, params) => reader.take(method, params),
      onRequest: (method, params) =>
        answerRequest(method, params, ({ callId, ...request }) =>
          answerPermission(this.#turn, { ...request, callId: callId === undefined ? undefined : reader.callId(callId) }),
        ),
      onGarbage: (line) => reader.garbage(line),
      onTooLong: (limitBytes) => reader.warn(`Codex printed a line of more than ${limitBytes} bytes, which is left out.`),
      onStderr: (chunk) => log("stderr", chunk),
    });
    return reader;
  }

  /** Has the thread open and the turn begun; the turn's id, or why it did not begin. */
  async #begin(server: CodexServer, reader: TurnReader): Promise<string | Over> {
    const opened = await withinStart(server, this.#open(server, reader));
    if (typeof opened === "object") return opened;
    // A thread that goes on has them already.
    const images = this.#isNewThread ? (this.#turn.images ?? []).map(({ path }) => ({ type: "localImage", path })) : [];
    const input = [...images, { type: "text", text: this.#turn.prompt, text_elements: [] }];
    let turnId: string | undefined;
    const asked = await server.request("turn/start", { threadId: opened, input, ...this.#permissions }, (result) => {
      turnId = begunTurn(result);
      if (turnId !== undefined) reader.begin(turnId);
    });
    if (asked.kind !== "answer") return overBy(asked);
    if (turnId === undefined) throw new SlipwayError("BACKEND_OUTPUT_INVALID", "Codex began its turn in a way that is not known here.");
    return turnId;
  }

  /** The id of the thread that is open, which is that of the turn before where it can be taken up. */
  async #open(server: CodexServer, reader: TurnReader): Promise<string | Over> {
    const { turn, home } = this.#turn;
    if (server.thread) {
      reader.follow(server.thread.id);
      return server.thread.id;
    }
    const greeted = await server.greet();
    if (greeted.kind !== "answer") return overBy(greeted);
    const session = turn > 1 ? await sessionFile.read(home) : undefined;
    if (turn > 1 && !session) reader.warn("The session of the earlier turns is lost; a new one begins.");
    let opened: Answer | undefined;
    let id: string | undefined;
    const follow = (result: unknown): void => {
      id = openedThread(result);
      if (id !== undefined) reader.follow(id);
    };
    if (session) {
      opened = await server.request("thread/resume", { ...this.#thread, threadId: session.threadId, excludeTurns: true }, follow);
      if (opened.kind === "refusal" && isLost(opened.message)) {
        reader.warn("Codex does not find the session of the earlier turns; a new one begins.");
        opened = undefined;
      }
    }
    this.#isNewThread = opened === undefined;
    opened ??= await server.request("thread/start", this.#thread, follow);
    if (opened.kind !== "answer") return overBy(opened);
    if (id === undefined) throw new SlipwayError("BACKEND_OUTPUT_INVALID", "Codex opened its thread in a way that is not known here.");
    server.thread = { id, fingerprint: this.fingerprint };
    await sessionFile.write(home, { threadId: id });
    return id;
  }

  #judge(server: CodexServer, reader: TurnReader, over: Over): TurnResult {
    if (over.kind === "refused") return refused(over.message);
    if (over.kind === "gone") return this.#gone(server, over.end);
    const { status, error } = over.end;
    if (status === "completed") return { status: "done", finalText: cutText(reader.finalText) };
    if (status === "failed") return failedByCodex(error ?? { message: "it did not say why", codexErrorInfo: undefined });
    return failedTurn("BACKEND_FAILED", `Codex says that its turn is ${status.slice(0, 100)}, which nobody asked for.`);
  }

  #gone(server: CodexServer, { startError, exitCode, exitSignal }: ProcessEnd): TurnResult {
    if (startError) return failedTurn("BACKEND_NOT_INSTALLED", `${this.#turn.config.command} cannot be started: ${startError.message}.`);
    const how = exitCode === null ? `was ended by ${exitSignal}` : `ended with ${exitCode}`;
    const details = { exitCode, signal: exitSignal, stderr: server.stderrTail };
    return failedTurn(server.isGarbled ? "BACKEND_OUTPUT_INVALID" : "BACKEND_FAILED", `Codex ${how} before its turn was over.`, details);
  }
}

/** Codex refuses a thread that it has no file of. */
function isLost(message: string): boolean {
  return /no rollout found|thread not found|failed to (read|load|parse) (thread|rollout)/i.test(message);
}

function overBy(answer: Exclude<Answer, { kind: "answer" }>): Over {
  return answer.kind === "gone" ? answer : { kind: "refused", message: answer.message };
}

function refused(message: string): TurnResult {
  const [, servers] = SERVERS_FAILED.exec(message) ?? [];
  if (servers !== undefined) return failedTurn("MCP_SERVER_FAILED", `Codex could not start an MCP server of the job: ${servers}.`, { field: "mcpServers" });
  return failedByCodex({ message, codexErrorInfo: undefined });
}

/** Waits for the thread: Codex may say nothing at all. */
async function withinStart<T>(server: CodexServer, opening: Promise<T>): Promise<T> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    limit.reject(new SlipwayError("AGENT_STALLED", `Codex opened no thread within ${START_LIMIT_MS / 1_000} s.`, { stderr: server.stderrTail }));
  }, START_LIMIT_MS);
  try {
    return await Promise.race([opening, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}
