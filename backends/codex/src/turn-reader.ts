import { type CodexEvent, type Item, readNotification, type TurnError } from "./codex-events.ts";
import { ItemMapper, type Output } from "./item-mapper.ts";
import type { ThreadUsages } from "./thread-usages.ts";

/** How Codex says that the turn is over. */
export interface TurnEnd {
  /** `completed`, `failed` or `interrupted`. */
  readonly status: string;
  readonly error: TurnError | undefined;
}

export interface TurnReaderOptions extends Output {
  readonly turn: number;
  readonly workspace: string;
  readonly usages: ThreadUsages;
  onOver(end: TurnEnd): void;
}

/** Reads what Codex tells in one turn: tells its events, and keeps what the turn's end is judged by. */
export class TurnReader {
  readonly #options: TurnReaderOptions;
  readonly #items: ItemMapper;
  readonly #unknown = new Set<string>();
  readonly #heard = new Set<string>();
  #threadId: string | undefined;
  #turnId: string | undefined;
  #hasGarbage = false;
  finalText = "";
  /** Whether the agent has started agents of its own, which may still be at work when the turn is over. */
  hasHelpers = false;
  end: TurnEnd | undefined;

  constructor(options: TurnReaderOptions) {
    this.#options = options;
    this.#items = new ItemMapper(options.turn, options.workspace, options);
  }

  /** From now on what this thread tells is of the conversation; of other threads, which are agents that it has started, only their tools are told. */
  follow(threadId: string): void {
    this.#threadId = threadId;
  }

  /** The turn has begun. */
  begin(turnId: string): void {
    this.#turnId = turnId;
  }

  /** Whether a message of ours, which came in the middle of the turn, has come to the model. */
  hasHeard(clientId: string): boolean {
    return this.#heard.has(clientId);
  }

  /** The id of a call in events. */
  callId(itemId: string): string {
    return this.#items.callId(itemId);
  }

  take(method: string, params: unknown): void {
    // What comes after the end is of no turn.
    if (!this.end) this.#tell(readNotification(method, params));
  }

  garbage(line: string): void {
    this.#options.log("stdout", Buffer.from(`${line}\n`));
    if (!this.#hasGarbage) this.warn("Codex printed something that is no message; it is in the log.");
    this.#hasGarbage = true;
  }

  warn(text: string): void {
    this.#options.emit({ kind: "notice", data: { level: "warning", text: text.slice(0, 20_000) } });
  }

  #tell(event: CodexEvent): void {
    switch (event.kind) {
      case "item":
        this.#item(event);
        return;
      case "output":
        this.#items.logOutput(event.itemId, event.text);
        return;
      case "plan":
        if (event.threadId === this.#threadId) this.#items.tellPlan(event.steps);
        return;
      case "usage":
        this.#options.usages.take(event, event.threadId !== this.#threadId || event.turnId === this.#turnId);
        return;
      case "over":
        if (event.turnId !== this.#turnId) return;
        this.end = { status: event.status, error: event.error };
        this.#options.onOver(this.end);
        return;
      case "notice":
        this.warn(event.text);
        return;
      case "unknown":
        if (!this.#unknown.has(event.name)) this.warn(`Codex told of something that this backend does not know: ${event.name}.`);
        this.#unknown.add(event.name);
        return;
      case "nothing":
    }
  }

  #item({ moment, threadId, item }: Extract<CodexEvent, { kind: "item" }>): void {
    if (threadId !== this.#threadId) this.hasHelpers = true;
    if (threadId !== this.#threadId && isTalk(item)) return;
    if (item.type === "agentMessage" && moment === "completed") this.finalText = item.text;
    if (item.type === "userMessage" && item.clientId) this.#heard.add(item.clientId);
    this.#items.take(moment, item);
  }
}

/** What is said, not done. */
function isTalk({ type }: Item): boolean {
  return type === "agentMessage" || type === "reasoning" || type === "userMessage";
}
