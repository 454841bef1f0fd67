import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import type { Client } from "@slipway/protocol/client";
import { type Endpoint, fillPath } from "@slipway/protocol/endpoint";
import { ENDPOINTS, type EndpointName } from "@slipway/protocol/endpoints";
import { errorOfAnswer } from "@slipway/protocol/error-answer";

/**
 * A client that costs little: where it shares the machine with the server, `fetch` and the check of each answer take half as much of the processors as the
 * server that is measured. The typed client is what everybody else uses.
 */
export class LeanClient implements Pick<Client, "call"> {
  readonly #url: URL;
  readonly #token: string;
  readonly #agent: Agent;

  constructor({ url, token, connections }: { url: string; token: string; connections: number }) {
    this.#url = new URL(url);
    this.#token = token;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  readonly call: Client["call"] = async (name, args) => await this.#call(name, args);

  async #call(name: EndpointName, args: object): Promise<never> {
    const endpoint: Endpoint = ENDPOINTS[name];
    const { params, body } = args as { params?: Record<string, string | number>; body?: unknown };
    const bytes = Buffer.from(JSON.stringify(body));
    const { hostname, port } = this.#url;
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json", "content-length": bytes.length };
    const asked = request({ agent: this.#agent, hostname, port, method: endpoint.method, path: fillPath(endpoint.path, params), headers });
    asked.end(bytes);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const answer = await text(response);
    if (response.statusCode !== 200) throw errorOfAnswer(response.statusCode ?? 0, answer);
    return JSON.parse(answer) as never;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
