import type { AgentEvent } from "@slipway/protocol/events";

export const TOO_LATE = "A message came too late: the agent did not take it before its turn ended.";

/**
 * The messages that people send to the agent in the middle of a turn. A message shows in the job's events when the backend takes it, and not before; one that nobody took is
 * told of at the turn's end.
 */
export class Steering {
  readonly #waiting: string[] = [];
  readonly #seen = new Set<string>();
  #wake: (() => void) | undefined;
  #isOver = false;

  /** Takes each id once. */
  push({ messageId, text }: { readonly messageId: string; readonly text: string }): void {
    if (this.#isOver || this.#seen.has(messageId)) return;
    this.#seen.add(messageId);
    this.#waiting.push(text);
    this.#wake?.();
  }

  /** For the backend: ends with the turn. */
  async *messages(emit: (event: AgentEvent) => void): AsyncGenerator<string, void, undefined> {
    while (!this.#isOver) {
      const text = this.#waiting.shift();
      if (text === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      emit({ kind: "message", data: { role: "user", text } });
      yield text;
    }
  }

  /** The turn is over. Answers how many messages nobody took. */
  end(): number {
    this.#isOver = true;
    this.#wake?.();
    return this.#waiting.length;
  }
}
