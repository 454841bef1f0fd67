import type { AnyMessage, Stream } from "@agentclientprotocol/sdk";
import { LineSplitter } from "@slipway/backend-sdk/line-splitter";

/** A tool's whole output stands in one line. */
const LINE_LIMIT_BYTES = 32 * 1_048_576;

export interface MessageStreamOptions {
  /** Writes one line to the agent. */
  write(line: string): void;
  /** The parameters of a `session/update`. They are told here, in their order with all else, and do not go to the SDK, which drops what it does not know. */
  onUpdate(params: unknown): void;
  /** A line that is no message. */
  onGarbage(line: string): void;
  onTooLong(limitBytes: number): void;
}

/** An agent's output as messages for the SDK: JSON-RPC, one message a line. */
export class MessageStream {
  readonly #options: MessageStreamOptions;
  readonly #lines: LineSplitter;
  #incoming: ReadableStreamDefaultController<AnyMessage> | undefined;
  readonly stream: Stream;

  constructor(options: MessageStreamOptions) {
    this.#options = options;
    this.#lines = new LineSplitter(
      LINE_LIMIT_BYTES,
      (line) => this.#line(line),
      () => options.onTooLong(LINE_LIMIT_BYTES),
    );
    this.stream = {
      readable: new ReadableStream<AnyMessage>({
        start: (controller) => {
          this.#incoming = controller;
        },
        cancel: () => {
          this.#incoming = undefined;
        },
      }),
      writable: new WritableStream<AnyMessage>({ write: (message) => options.write(`${JSON.stringify(message)}\n`) }),
    };
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }

  end(): void {
    this.#lines.end();
    this.#incoming?.close();
    this.#incoming = undefined;
  }

  #line(line: string): void {
    if (line.trim() === "") return;
    const message = parse(line);
    if (!message) this.#options.onGarbage(line);
    else if (message["method"] === "session/update" && !("id" in message)) this.#options.onUpdate(message["params"]);
    else this.#incoming?.enqueue(message as unknown as AnyMessage);
  }
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const message: unknown = JSON.parse(line);
    const isMessage = typeof message === "object" && message !== null && "jsonrpc" in message && message.jsonrpc === "2.0";
    return isMessage ? (message as unknown as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
