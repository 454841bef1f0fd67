import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";

export interface Hit {
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  readonly text: string;
}

/** How to answer a request: a status, with a text and headers where there are any; null: not at all, the connection stays open. */
export type Answer = number | { readonly status: number; readonly text?: string; readonly headers?: Record<string, string> } | null;

/** A receiver that is told of jobs: a real HTTP server on loopback that keeps what it gets. */
export class Webhook implements AsyncDisposable {
  readonly hits: Hit[] = [];
  readonly #server: Server;
  readonly #answer: (hit: Hit, count: number) => Answer | Promise<Answer>;

  private constructor(answer: (hit: Hit, count: number) => Answer | Promise<Answer>) {
    this.#answer = answer;
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString("utf8");
      const hit = { headers: request.headers, text, body: JSON.parse(text) };
      this.hits.push(hit);
      const given = await this.#answer(hit, this.hits.length);
      if (given === null) return;
      const { status, text: said = "ok", headers = {} } = typeof given === "number" ? { status: given } : given;
      response.writeHead(status, headers).end(said);
    });
  }

  static async start(answer: (hit: Hit, count: number) => Answer | Promise<Answer> = () => 200): Promise<Webhook> {
    const hook = new Webhook(answer);
    hook.#server.listen(0, "127.0.0.1");
    await once(hook.#server, "listening");
    return hook;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/services/T0/B0/very-secret`;
  }

  /** Waits until it was called so often. */
  async got(count: number): Promise<readonly Hit[]> {
    await expect.poll(() => this.hits.length, { timeout: 20_000, interval: 20 }).toBeGreaterThanOrEqual(count);
    return this.hits;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
