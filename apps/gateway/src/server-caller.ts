import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { fillPath } from "@slipway/protocol/endpoint";
import type { BodyOf, ParamsOf, ResponseOf } from "@slipway/protocol/endpoints";
import { errorOfAnswer } from "@slipway/protocol/error-answer";
import { SlipwayError } from "@slipway/protocol/errors";
import { GATEWAY_ENDPOINTS } from "@slipway/protocol/gateway-endpoints";

/** How long the server may be silent before its answer is whole, in ms. */
const ANSWER_LIMIT_MS = 15_000;

type Name = keyof typeof GATEWAY_ENDPOINTS;
type Args<N extends Name> = (BodyOf<N> extends undefined ? unknown : { readonly body: BodyOf<N> }) &
  (ParamsOf<N> extends undefined ? unknown : { readonly params: ParamsOf<N> });

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * The gateway's own client of the server. Every model call waits for it: with `fetch` the gateway has half as much work again with a call, and 3 MB more when
 * idle. A message may be sent twice, where the server closes a kept connection just then: the same one again changes nothing.
 */
export class ServerCaller {
  readonly #url: string;
  readonly #base: URL;
  readonly #isTls: boolean;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: Agent;

  constructor({ url, token }: { url: string; token: string }) {
    this.#url = url.replace(/\/+$/, "");
    this.#base = new URL(this.#url);
    this.#isTls = this.#base.protocol === "https:";
    this.#headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    this.#agent = this.#isTls ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  }

  /** Calls an endpoint. Every failure is a SlipwayError; SERVER_UNAVAILABLE has the reason as its cause where the server does not answer. */
  async call<N extends Name>(name: N, args: Args<N>): Promise<ResponseOf<N>> {
    const { method, path, response } = GATEWAY_ENDPOINTS[name];
    const { params, body } = args as { params?: Record<string, string | number>; body?: unknown };
    const { status, text } = await this.#send(method, fillPath(path, params), Buffer.from(body === undefined ? "" : JSON.stringify(body)));
    if (status >= 300) throw errorOfAnswer(status, text);
    return response.parse(JSON.parse(text)) as ResponseOf<N>;
  }

  /** Cuts what is under way. */
  destroy(): void {
    this.#agent.destroy();
  }

  async #send(method: string, path: string, body: Buffer): Promise<Answer> {
    try {
      const first = this.#ask(method, path, body);
      return await answerOf(first).catch((error: Error) => {
        if (!wasClosed(first, error)) throw error;
        return answerOf(this.#ask(method, path, body));
      });
    } catch (cause) {
      const isLate = (cause as { code?: unknown }).code === "ETIMEDOUT";
      const message = isLate ? "The server takes too long." : `The server at ${this.#url} does not answer.`;
      throw new SlipwayError("SERVER_UNAVAILABLE", message, { url: this.#url }, { cause });
    }
  }

  #ask(method: string, path: string, body: Buffer): ClientRequest {
    const { hostname, port, pathname } = this.#base;
    const asking = (this.#isTls ? tlsRequest : request)({
      agent: this.#agent,
      // A URL has brackets around an address of IPv6, and a socket has none.
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port,
      path: pathname === "/" ? path : pathname + path,
      method,
      headers: method === "GET" ? this.#headers : { ...this.#headers, "content-length": body.length },
      timeout: ANSWER_LIMIT_MS,
    });
    asking.once("timeout", () => asking.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })));
    asking.end(body);
    return asking;
  }
}

/** Nothing was answered on a kept connection that the server closed just as the request was sent: https://nodejs.org/api/http.html#requestreusedsocket */
function wasClosed(asking: ClientRequest, error: Error): boolean {
  return asking.reusedSocket && (error as { code?: unknown }).code === "ECONNRESET";
}

async function answerOf(asking: ClientRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  asking.once("error", reject);
  asking.once("response", (answer: IncomingMessage) => {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
    answer.once("error", reject);
  });
  return await promise;
}
