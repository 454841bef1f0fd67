import type { TurnContext } from "@slipway/backend-sdk/backend";
import type { CodexServer } from "./app-server/codex-server.ts";
import type { TurnReader } from "./turn-reader.ts";

/** Passes on what people say in the middle of a turn: Codex tells its model with the next result of a tool, or goes on with it after its answer. */
export class Steering {
  readonly #turn: Pick<TurnContext, "steering">;
  readonly #server: CodexServer;
  readonly #reader: TurnReader;
  readonly #turnId: string;
  readonly #passedOn: string[] = [];
  #passing: Promise<void> = Promise.resolve();

  constructor(turn: Pick<TurnContext, "steering">, server: CodexServer, reader: TurnReader, turnId: string) {
    this.#turn = turn;
    this.#server = server;
    this.#reader = reader;
    this.#turnId = turnId;
    void this.#listen();
  }

  /** The turn is over: a message that its model has not heard is told of. */
  async end(): Promise<void> {
    await this.#passing;
    for (const clientId of this.#passedOn) if (!this.#reader.hasHeard(clientId)) this.#tooLate();
  }

  async #listen(): Promise<void> {
    for await (const message of this.#turn.steering ?? []) {
      this.#passing = this.#pass(message);
      await this.#passing;
    }
  }

  async #pass(message: string): Promise<void> {
    const threadId = this.#server.thread?.id;
    if (this.#reader.end) {
      this.#tooLate();
      return;
    }
    const clientUserMessageId = `steering-${this.#passedOn.length}`;
    const input = [{ type: "text", text: message, text_elements: [] }];
    const answer = await this.#server.request("turn/steer", { threadId, expectedTurnId: this.#turnId, input, clientUserMessageId });
    if (answer.kind === "answer") this.#passedOn.push(clientUserMessageId);
    else this.#tooLate();
  }

  #tooLate(): void {
    this.#reader.warn("A message came when the agent had ended its turn.");
  }
}
