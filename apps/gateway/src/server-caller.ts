import { createRequire } from "node:module";
import { fillPath } from "@slipway/protocol/endpoint";
import type { BodyOf, ParamsOf, ResponseOf } from "@slipway/protocol/endpoints";
import { errorOfAnswer } from "@slipway/protocol/error-answer";
import { SlipwayError } from "@slipway/protocol/errors";
import { GATEWAY_ENDPOINTS } from "@slipway/protocol/gateway-endpoints";
import type { Dispatcher, Pool } from "undici";
import { wasStale } from "./upstream.ts";

/** How long the server may take for one answer, in ms. */
const ANSWER_LIMIT_MS = 15_000;

// The file alone, as in upstream.ts.
const load = createRequire(import.meta.url);

type Name = keyof typeof GATEWAY_ENDPOINTS;
type Args<N extends Name> = { readonly body: BodyOf<N> } & (ParamsOf<N> extends undefined ? unknown : { readonly params: ParamsOf<N> });

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * The gateway's own client of the server. Every model call waits for it, and with `fetch` the gateway has nearly twice the work with a call. A message may be
 * sent twice, where the server closes a kept connection just then: the same one again changes nothing.
 */
export class ServerCaller {
  readonly #url: string;
  readonly #pathPrefix: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #pool: Pool;

  constructor({ url, token }: { url: string; token: string }) {
    const { origin, pathname } = new URL(url);
    this.#url = url;
    this.#pathPrefix = pathname.replace(/\/+$/, "");
    this.#headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const Connections = load("undici/lib/dispatcher/pool.js") as typeof Pool;
    this.#pool = new Connections(origin, { headersTimeout: ANSWER_LIMIT_MS, bodyTimeout: ANSWER_LIMIT_MS });
  }

  /** Calls an endpoint. Every failure is a SlipwayError; SERVER_UNAVAILABLE has the reason as its cause where the server does not answer. */
  async call<N extends Name>(name: N, args: Args<N>): Promise<ResponseOf<N>> {
    const { path, response } = GATEWAY_ENDPOINTS[name];
    const { params, body } = args as { params?: Record<string, string | number>; body: unknown };
    const { status, text } = await this.#post(this.#pathPrefix + fillPath(path, params), JSON.stringify(body));
    if (status >= 300) throw errorOfAnswer(status, text);
    return response.parse(JSON.parse(text)) as ResponseOf<N>;
  }

  /** Cuts what is under way. */
  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }

  async #post(path: string, body: string): Promise<Answer> {
    try {
      return await this.#send(path, body).catch((error: Error) => {
        if (!wasStale(error)) throw error;
        return this.#send(path, body);
      });
    } catch (cause) {
      const isLate = (cause as { code?: unknown }).code === "UND_ERR_HEADERS_TIMEOUT";
      const message = isLate ? "The server takes too long." : `The server at ${this.#url} does not answer.`;
      throw new SlipwayError("SERVER_UNAVAILABLE", message, { url: this.#url }, { cause });
    }
  }

  #send(path: string, body: string): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const chunks: Buffer[] = [];
    let status = 0;
    const handler: Dispatcher.DispatchHandler = {
      // undici knows a handler by it.
      onRequestStart: () => undefined,
      onResponseStart: (_, code) => {
        status = code;
      },
      onResponseData: (_, chunk) => {
        chunks.push(chunk);
      },
      onResponseEnd: () => resolve({ status, text: Buffer.concat(chunks).toString("utf8") }),
      onResponseError: (_, error) => reject(error),
    };
    this.#pool.dispatch({ path, method: "POST", headers: this.#headers, body }, handler);
    return promise;
  }
}
