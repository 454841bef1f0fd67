import type { TurnContext } from "@slipway/backend-sdk/backend";
import type { AgentEvent } from "@slipway/protocol/events";

/** What a step works with: the turn, and what the turn's steps share. */
export interface StepContext {
  readonly turn: TurnContext;
  /** Emits an event, unless the script is `silent`. */
  say(event: AgentEvent): void;
  setSilent(silent: boolean): void;
  /** The turn's messages of people; each is given once. */
  readonly messages: AsyncIterator<string> | undefined;
  /** What `{{message}}` stands for from here on. */
  setMessage(text: string): void;
  /** Replaces `{{prompt}}`, `{{turn}}` and `{{message}}`. */
  fill(text: string): string;
}

/** How a step ended, in a line for people; undefined for steps that are no tool call. */
export type StepSummary = string | undefined;
