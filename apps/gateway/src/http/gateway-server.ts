import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { GatewayConfig, Provider } from "@slipway/protocol/gateway-config";
import type { Logger } from "pino";
import { type Calling, callModel } from "../model-call.ts";
import { modelsList } from "../models-list.ts";
import { PROTOCOLS } from "../protocols/protocols.ts";
import { atMost } from "../spend/pause.ts";
import { Door } from "./admission.ts";
import { sendError } from "./gateway-error.ts";
import { tokenOf } from "./headers.ts";
import { readBody } from "./request-body.ts";
import { closeToOthers, prepareSocketPlace } from "./socket-place.ts";

/** Bounds on agents' connections: an idle one is closed, a request must be here within this time. The answer may take as long as the vendor does. */
const LIMITS = {
  keepAliveTimeout: 60_000,
  headersTimeout: 30_000,
  requestTimeout: 300_000,
  maxHeaderSize: 32_768,
  connectionsCheckingInterval: 10_000,
} as const;
const CONNECTION_LIMIT = 1_024;

const PROVIDER_PATH = /^\/([a-z0-9][a-z0-9._:-]{0,63})(\/.+)$/;

export interface GatewayServerOptions {
  readonly config: () => GatewayConfig;
  readonly log: Logger;
}

/** The HTTP side towards agents. Until `open` it refuses all calls with GATEWAY_UNAVAILABLE. */
export class GatewayServer {
  readonly #options: GatewayServerOptions;
  readonly #server: Server;
  readonly #door = new Door();
  readonly #underWay = new Set<Promise<void>>();
  #closing = false;
  #calling: Calling | undefined;

  constructor(options: GatewayServerOptions) {
    this.#options = options;
    this.#server = createServer(LIMITS, (request, response) => {
      const handled: Promise<void> = this.#handle(request, response).finally(() => this.#underWay.delete(handled));
      this.#underWay.add(handled);
    });
    this.#server.maxConnections = CONNECTION_LIMIT;
    // No protocol that a connection could be turned into is spoken here.
    this.#server.on("connect", (_, socket) => socket.destroy());
  }

  /** Listens on the socket, in the place of an old one. INVALID_REQUEST where the place is not fit for it. */
  async listen(socket: string): Promise<void> {
    prepareSocketPlace(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(socket, resolve);
    await promise;
    closeToOthers(socket);
  }

  /** From now on calls are taken. */
  open(calling: Calling): void {
    this.#calling = calling;
  }

  /** Breaks off what is under way, and resolves when all of it is settled on disk, or after `limitMs`. */
  async close(limitMs: number): Promise<void> {
    this.#closing = true;
    this.#server.close();
    this.#server.closeAllConnections();
    await atMost(Promise.all(this.#underWay), limitMs);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(new SlipwayError("CANCELLED", "The agent is gone."));
    });
    response.on("error", (err) => this.#options.log.debug({ err }, "an agent's connection broke"));
    try {
      await this.#route(request, response, gone.signal);
    } catch (error) {
      this.#refuse(request, response, toSlipwayError(error));
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, gone: AbortSignal): Promise<void> {
    const { path, query, providerName, rest } = placeOf(request);
    if (request.method === "GET" && path === "/slipway/health") return this.#health(response);
    const config = this.#options.config();
    const provider = this.#provider(providerName);
    if (!provider) throw notFound(request, path, config);
    const { apis, models } = PROTOCOLS[provider.protocol];
    const isList = request.method === "GET" && rest === models.path;
    const found = request.method === "POST" ? apis.map((api) => ({ api, target: api.target(rest, query) })).find(({ target }) => target !== null) : undefined;
    if (!isList && !found?.target) throw notFound(request, path, config);
    const token = tokenOf(request.headers, query);
    if (token === null) throw new SlipwayError("UNAUTHENTICATED", "Authorization: expected the attempt's token as a bearer; found none.");
    if (!found?.target) return sendJson(response, modelsList(providerName, provider, config.prices));
    const calling = this.#calling;
    if (!calling || this.#closing) throw new SlipwayError("GATEWAY_UNAVAILABLE", "The gateway has not reached its server yet.");
    using admission = this.#door.admit(token);
    checkForm(request);
    const body = await readBody(request, admission);
    const { api, target } = found;
    await callModel(calling, { api, target, providerName, provider, prices: config.prices, token, body }, request, response, gone);
  }

  #provider(name: string): Provider | undefined {
    const { providers } = this.#options.config();
    return Object.hasOwn(providers, name) ? providers[name] : undefined;
  }

  #health(response: ServerResponse): void {
    sendJson(response, { status: this.#calling ? "ok" : "starting", callsUnderWay: this.#underWay.size - 1 });
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: SlipwayError): void {
    const { code, message, details } = error;
    if (code === "INTERNAL") this.#options.log.error({ err: error }, "a request failed in the gateway itself");
    else this.#options.log.debug({ code, reason: message }, "a request was refused");
    const status = details["busy"] === true || (code === "BUDGET_EXCEEDED" && details["waiting"] === true) ? 429 : undefined;
    // What is left of the body is not waited for.
    if (!request.complete) response.setHeader("connection", "close");
    // Who is asked for no provider at all is answered as OpenAI would.
    const protocol = PROTOCOLS[this.#provider(placeOf(request).providerName)?.protocol ?? "openai"];
    sendError(response, error, protocol, typeof details["status"] === "number" ? details["status"] : status);
  }
}

function checkForm({ headers }: IncomingMessage): void {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity") throw unsupported("content-encoding", encoding, "none");
  const type = headers["content-type"] ?? "application/json";
  if (!/^application\/json\s*(;|$)/i.test(type)) throw unsupported("content-type", type, "application/json");
}

function unsupported(field: string, value: string, expected: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", `${field}: expected ${expected}; found ${value.slice(0, 100)}.`, { field, status: 415 });
}

interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly providerName: string;
  /** Behind the provider's name. */
  readonly rest: string;
}

function placeOf(request: IncomingMessage): Place {
  const [path = "/", query] = (request.url ?? "/").split("?", 2);
  const [, providerName = "", rest = ""] = PROVIDER_PATH.exec(path) ?? [];
  return { path, query: new URLSearchParams(query), providerName, rest };
}

function notFound(request: IncomingMessage, path: string, { providers }: GatewayConfig): SlipwayError {
  const spoken = [...new Set(Object.values(providers).map(({ protocol }) => PROTOCOLS[protocol]))];
  const ways = spoken.flatMap(({ apis, models }) => [...apis.map(({ way }) => way), `GET /<provider>${models.path}`]);
  const hint = `It has ${ways.join(", ")}, of ${Object.keys(providers).join(", ")}.`;
  return new SlipwayError("NOT_FOUND", `The gateway has no ${request.method} ${path.slice(0, 200)}.`, { hint });
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
