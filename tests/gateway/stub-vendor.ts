import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the vendor got it. */
export interface VendorRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Answer = (response: ServerResponse, request: VendorRequest) => unknown;

/** A model server that answers as the test says. */
export class StubVendor implements AsyncDisposable {
  readonly requests: VendorRequest[] = [];
  answer: Answer = (response) => response.writeHead(500).end();
  readonly #server: Server;
  readonly #watchers = new Set<() => void>();
  /** Answers whose connection the gateway closed before they were whole. */
  hangUps = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(): Promise<StubVendor> {
    const stub = new StubVendor();
    await new Promise<void>((resolve) => stub.#server.listen(0, "127.0.0.1", resolve));
    return stub;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Resolves as soon as a request or a hang-up makes the condition true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.once("close", () => {
      if (!response.writableFinished) this.hangUps += 1;
      this.#changed();
    });
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const seen = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body };
    this.requests.push(seen);
    this.#changed();
    await this.answer(response, seen);
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

export const USAGE = { input_tokens: 100, input_tokens_details: { cached_tokens: 40 }, output_tokens: 20, output_tokens_details: { reasoning_tokens: 5 } };
/** `USAGE` as it is settled, without a price. */
export const COUNTED = { inputTokens: 100, cachedInputTokens: 40, outputTokens: 20, reasoningTokens: 5, costUsd: 0 };

export function sse(event: Record<string, unknown>): string {
  return `event: ${String(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`;
}

export const CREATED = sse({ type: "response.created", response: { id: "resp_1", status: "in_progress", usage: null, error: null } });
export const delta = (text: string): string => sse({ type: "response.output_text.delta", delta: text });
export const COMPLETED = sse({ type: "response.completed", response: { id: "resp_1", status: "completed", error: null, usage: USAGE } });

/** A whole stream of Responses. */
export const STREAM = CREATED + delta("Hello ") + delta("wörld") + COMPLETED;

/** Answers with the events, in one go. */
export function stream(text: string): Answer {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": "req_1" }).end(text);
  };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(typeof body === "string" ? body : JSON.stringify(body));
  };
}
