/** A message of a person to the agent. */
export interface SteerMessage {
  readonly messageId: string;
  readonly text: string;
}

/** Takes a message on its way to the agent; false where it cannot. */
export type SteerListener = (message: SteerMessage) => boolean;

/** Where the messages to one attempt's agent come in. Each is handed on once, and only while a turn listens: nothing is kept for later. */
export class SteerInbox {
  readonly #seen = new Set<string>();
  readonly #onUnheard: () => void;
  #listener: SteerListener | undefined;

  /** `onUnheard` is called for each message that nobody takes. */
  constructor(onUnheard: () => void) {
    this.#onUnheard = onUnheard;
  }

  /** From here on messages go to this listener; undefined: to nobody. */
  listen(listener: SteerListener | undefined): void {
    this.#listener = listener;
  }

  /** The server sends to every connection of a worker, so that one may come twice. */
  deliver(message: SteerMessage): void {
    if (this.#seen.has(message.messageId)) return;
    this.#seen.add(message.messageId);
    if (!this.#listener?.(message)) this.#onUnheard();
  }
}
