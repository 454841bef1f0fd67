import { LineSplitter } from "@slipway/backend-sdk/line-splitter";
import type { Usage } from "@slipway/protocol/events";
import { type CodexEvent, parseCodexEvent } from "./codex-events.ts";
import { ItemMapper, type Output } from "./item-mapper.ts";
import type { ThreadUsage } from "./session.ts";

/** A command's whole output stands in one line, of which Codex keeps a mebibyte; escapes make it longer. */
const LINE_LIMIT_BYTES = 16 * 1024 * 1024;

/** How Codex says that the turn is over. */
export type FinalEvent =
  | { readonly kind: "completed"; readonly finalText: string; readonly usage: ThreadUsage | undefined }
  | { readonly kind: "failed"; readonly message: string };

export interface TurnReaderOptions extends Output {
  readonly turn: number;
  readonly workspace: string;
  onThread(threadId: string): void;
  onFinal(final: FinalEvent): void;
}

/** Reads what Codex prints in one turn: tells its events, and keeps what the turn's end is judged by. */
export class TurnReader {
  readonly #options: TurnReaderOptions;
  readonly #items: ItemMapper;
  readonly #lines: LineSplitter;
  readonly #unknown = new Set<string>();
  #finalText = "";
  final: FinalEvent | undefined;
  threadId: string | undefined;
  /** The newest error that was no announcement of a retry. */
  lastError: string | undefined;
  /** Whether something came that is no event. */
  isGarbled = false;

  constructor(options: TurnReaderOptions) {
    this.#options = options;
    this.#items = new ItemMapper(options.turn, options.workspace, options);
    const onTooLong = (): void => this.#warn(`Codex printed a line of more than ${LINE_LIMIT_BYTES} bytes, which is left out.`);
    this.#lines = new LineSplitter(LINE_LIMIT_BYTES, (line) => this.#line(line), onTooLong);
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
  }

  #line(line: string): void {
    const event = parseCodexEvent(line);
    // Nothing comes after the end; what did would be of no turn.
    if (this.final) return;
    if (event) {
      this.#take(event);
      return;
    }
    this.#options.log("stdout", Buffer.from(`${line}\n`));
    if (!this.isGarbled) this.#warn("Codex printed something that is no event; it is in the log.");
    this.isGarbled = true;
  }

  #take(event: CodexEvent): void {
    switch (event.kind) {
      case "thread":
        this.threadId = event.threadId;
        this.#options.onThread(event.threadId);
        return;
      case "item":
        if (event.item.type === "agent_message" && event.moment === "completed") this.#finalText = event.item.text;
        this.#items.take(event.moment, event.item);
        return;
      case "completed":
        this.#finish({ kind: "completed", finalText: this.#finalText, usage: event.usage });
        return;
      case "failed":
        this.#finish({ kind: "failed", message: event.message });
        return;
      case "error":
        if (!event.message.startsWith("Reconnecting")) this.lastError = event.message;
        this.#warn(event.message);
        return;
      case "unknown":
        if (!this.#unknown.has(event.name)) this.#warn(`Codex told of something that this backend does not know: ${event.name}.`);
        this.#unknown.add(event.name);
        return;
      case "turn-started":
    }
  }

  #finish(final: FinalEvent): void {
    this.final = final;
    this.#options.onFinal(final);
  }

  #warn(text: string): void {
    this.#options.emit({ kind: "notice", data: { level: "warning", text: text.slice(0, 20_000) } });
  }
}

/** Codex counts a thread as a whole: what this turn took is the difference to the totals before it. */
export function usageSince(before: ThreadUsage, total: ThreadUsage): Usage {
  const since = (name: keyof ThreadUsage): number => Math.max(0, total[name] - before[name]);
  return {
    inputTokens: since("input_tokens"),
    cachedInputTokens: since("cached_input_tokens"),
    outputTokens: since("output_tokens"),
    reasoningTokens: since("reasoning_output_tokens"),
    costUsd: 0,
  };
}
