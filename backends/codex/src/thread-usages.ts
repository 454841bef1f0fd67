import type { Usage } from "@slipway/protocol/events";
import type { CodexEvent, ThreadUsage } from "./codex-events.ts";

const NO_USAGE: ThreadUsage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningOutputTokens: 0 };

type UsageEvent = Extract<CodexEvent, { kind: "usage" }>;

/** What a turn takes: Codex counts threads as a whole, all their turns together, and each agent that the agent has started is a thread of its own. */
export class ThreadUsages {
  readonly #before = new Map<string, ThreadUsage>();
  readonly #now = new Map<string, ThreadUsage>();

  /** `isOfTurn`: not of an earlier turn, whose total Codex tells once more when it takes a thread up. */
  take({ threadId, total }: UsageEvent, isOfTurn: boolean): void {
    if (isOfTurn) this.#now.set(threadId, total);
    else this.#before.set(threadId, total);
  }

  /** Forgets what has been taken so far: a turn begins. */
  begin(): void {
    for (const [threadId, total] of this.#now) this.#before.set(threadId, total);
    this.#now.clear();
  }

  /** Of this turn so far; undefined where nothing was told. */
  get usage(): Usage | undefined {
    if (this.#now.size === 0) return undefined;
    const since = (name: keyof ThreadUsage): number =>
      [...this.#now].reduce((sum, [threadId, total]) => sum + Math.max(0, total[name] - (this.#before.get(threadId) ?? NO_USAGE)[name]), 0);
    return {
      inputTokens: since("inputTokens"),
      cachedInputTokens: since("cachedInputTokens"),
      outputTokens: since("outputTokens"),
      reasoningTokens: since("reasoningOutputTokens"),
      costUsd: 0,
    };
  }
}
