import { LineSplitter } from "@slipway/backend-sdk/line-splitter";
import { cutText, endOfText } from "@slipway/backend-sdk/text-limit";
import type { AgentEvent } from "@slipway/protocol/events";
import type { Agent } from "./config.ts";
import type { EventRule } from "./event-rules.ts";
import { textAt, valueAt } from "./pointer.ts";
import { safeSessionId } from "./session.ts";

const TAIL_CHARACTERS = 65_536;
/** Colours and the moving of a cursor, which say nothing in a text. */
const TERMINAL_CODES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const ID_LIMIT = 200;

export interface ReaderOptions {
  readonly agent: Agent;
  readonly emit: (event: AgentEvent) => void;
  readonly log: (stream: string, bytes: Uint8Array) => void;
  readonly onFinal: () => void;
  /** It printed more than it may. */
  readonly onTooMuch: () => void;
}

/** Reads what an agent prints in one turn: tells its events, and keeps what the turn's end is judged by. */
export class OutputReader {
  readonly #options: ReaderOptions;
  readonly #lines: LineSplitter;
  readonly #decoder = new TextDecoder();
  #bytes = 0;
  #plain = "";
  #lastMessage = "";
  /** The last of standard output. */
  tail = "";
  /** Set by a `final` rule. */
  final: { readonly text: string | undefined } | undefined;
  /** Set by the first `error` rule. */
  error: string | undefined;
  sessionId: string | undefined;
  /** Whether something came that is no JSON. */
  isGarbled = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
    const { lineBytes } = options.agent.limits;
    this.#lines = new LineSplitter(
      lineBytes,
      (line) => this.#line(line),
      () => this.#warn(`The agent printed a line of more than ${lineBytes} bytes, which is left out.`),
    );
  }

  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#options.agent.limits.outputBytes) {
      this.#options.onTooMuch();
      return;
    }
    const text = this.#decoder.decode(chunk, { stream: true });
    this.tail = (this.tail + text).slice(-TAIL_CHARACTERS);
    const { format } = this.#options.agent.output;
    if (format === "json-lines") this.#lines.push(chunk);
    else this.#options.log("stdout", chunk);
    // More is kept than a text may have, so that its end is whole when colours are gone.
    if (format === "plain") this.#plain = (this.#plain + text).slice(-4 * TAIL_CHARACTERS);
  }

  /** The output is over; tells what only then is known. */
  end(): void {
    this.#lines.end();
    const text = plainText(this.#plain).trim();
    if (this.#options.agent.output.format === "plain" && text !== "") this.#say("agent", endOfText(text));
  }

  get finalText(): string {
    return this.final?.text ?? this.#lastMessage;
  }

  #line(line: string): void {
    const { agent, log } = this.#options;
    const document = parsed(line);
    if (document === undefined) {
      log("stdout", Buffer.from(`${line}\n`));
      if (!this.isGarbled) this.#warn("The agent printed something that is no JSON; it is in the log.");
      this.isGarbled = true;
      return;
    }
    const rules = agent.output.format === "json-lines" ? agent.output.events : [];
    for (const rule of rules) if (Object.entries(rule.when).every(([pointer, value]) => valueAt(document, pointer) === value)) this.#take(rule, document);
  }

  #take(rule: EventRule, document: unknown): void {
    switch (rule.as) {
      case "session":
        this.sessionId = safeSessionId(textAt(document, rule.id)) ?? this.sessionId;
        return;
      case "final": {
        const text = rule.text === undefined ? undefined : textAt(document, rule.text);
        this.final ??= { text: text === undefined ? undefined : cutText(text) };
        this.#options.onFinal();
        return;
      }
      case "error":
        this.error ??= textAt(document, rule.message) ?? "an error without a message";
        return;
      case "message": {
        const text = textAt(document, rule.text);
        if (text) this.#say(rule.role, cutText(text));
        return;
      }
      default:
        this.#options.emit(toAgentEvent(rule, document));
    }
  }

  #say(role: "agent" | "reasoning", text: string): void {
    if (role === "agent") this.#lastMessage = text;
    this.#options.emit({ kind: "message", data: { role, text } });
  }

  #warn(text: string): void {
    this.#options.emit({ kind: "notice", data: { level: "warning", text } });
  }
}

/** The event that a line tells by this rule. */
function toAgentEvent(rule: Extract<EventRule, { as: "tool-call" | "tool-result" | "usage" }>, document: unknown): AgentEvent {
  switch (rule.as) {
    case "tool-call": {
      const name = (textAt(document, rule.name) ?? "tool").slice(0, ID_LIMIT);
      const input = rule.input === undefined ? undefined : valueAt(document, rule.input);
      return { kind: "tool-call", data: { callId: idAt(document, rule.id), name, input: input ?? {} } };
    }
    case "tool-result": {
      const output = rule.output === undefined ? "" : (textAt(document, rule.output) ?? "");
      const isError = rule.isError !== undefined && Boolean(valueAt(document, rule.isError));
      return { kind: "tool-result", data: { callId: idAt(document, rule.id), output: cutText(output), isError } };
    }
    case "usage": {
      const count = (pointer: string | undefined): number => Math.round(numberAt(document, pointer));
      const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, costUsd } = rule;
      const tokens = { inputTokens: count(inputTokens), cachedInputTokens: count(cachedInputTokens), outputTokens: count(outputTokens) };
      return { kind: "usage", data: { ...tokens, reasoningTokens: count(reasoningTokens), costUsd: numberAt(document, costUsd) } };
    }
  }
}

function idAt(document: unknown, pointer: string): string {
  return (textAt(document, pointer) ?? "").slice(0, ID_LIMIT);
}

/** 0 for what is no number that can be counted. */
function numberAt(document: unknown, pointer: string | undefined): number {
  const value = pointer === undefined ? 0 : Number(valueAt(document, pointer));
  return Number.isFinite(value) && value > 0 && value < Number.MAX_SAFE_INTEGER ? value : 0;
}

function plainText(text: string): string {
  return text.replaceAll(TERMINAL_CODES, "").replaceAll("\r\n", "\n");
}

/** Undefined where the line is no JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Told by the caller.
  }
}
