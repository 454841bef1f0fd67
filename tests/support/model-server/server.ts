import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ZodError } from "zod";
import { randomId } from "./call-ids.ts";
import { type Frame, type ModelProtocol, type ModelRequest, readyAnswer } from "./protocol.ts";
import { PROTOCOLS } from "./protocols.ts";
import { type AnswerEnd, RequestLog } from "./request-log.ts";
import { type Answer, answerSchema, type Scenario, type ScenarioInput, type ScriptedError, scenarioOf } from "./scenario.ts";
import { namedCall, shellCall } from "./shell-tool.ts";

export interface ModelServerOptions {
  readonly scenario: Scenario | ScenarioInput;
  /** 0 or missing: any free port. */
  readonly port?: number;
  /** Requests must carry this key, as one of the vendors has it carried; others get 401. */
  readonly key?: string;
  /** What GET /models tells. */
  readonly models?: readonly string[];
}

/** A model server that does what a scenario says, on 127.0.0.1. */
export interface ModelServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`; every path that ends like one of a vendor's is answered. */
  readonly baseUrl: string;
  readonly requests: RequestLog;
  /** From the next request on, another scenario. */
  play(scenario: Scenario | ScenarioInput): void;
}

/** Starts it. Throws a ZodError where the scenario is wrong. */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const requests = new RequestLog();
  let scenario = toScenario(options.scenario);
  const server = createServer((incoming, response) => {
    const arrivedAtMs = performance.timeOrigin + performance.now();
    receive(incoming).then(
      async (body) => {
        const exchange = new Exchange(incoming, response, body, arrivedAtMs);
        await exchange.answer({ ...options, scenario, requests });
      },
      // The client went away in the middle of its request.
      () => response.destroy(),
    );
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    play(next) {
      scenario = toScenario(next);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function toScenario(scenario: Scenario | ScenarioInput): Scenario {
  return typeof scenario === "function" ? scenario : scenarioOf(scenario);
}

async function receive(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** One request and its answer. */
class Exchange {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #body: unknown;
  readonly #arrivedAtMs: number;
  readonly #end = Promise.withResolvers<AnswerEnd>();
  readonly #gone = new AbortController();

  constructor(incoming: IncomingMessage, response: ServerResponse, body: unknown, arrivedAtMs: number) {
    this.#incoming = incoming;
    this.#response = response;
    this.#body = body;
    this.#arrivedAtMs = arrivedAtMs;
    response.on("finish", () => this.#end.resolve("whole"));
    response.on("close", () => {
      this.#end.resolve("dropped-by-client");
      this.#gone.abort();
    });
  }

  async answer(given: { scenario: Scenario; requests: RequestLog; key?: string; models?: readonly string[] }): Promise<void> {
    const { method = "GET", url: path = "/", headers } = this.#incoming;
    const { pathname } = new URL(path, "http://localhost");
    const protocol = method === "POST" ? PROTOCOLS.find((candidate) => candidate.takes(pathname)) : undefined;
    const [model, problem] = this.#read(protocol, pathname);
    const side = method === "POST" ? PROTOCOLS.map((each) => each.side?.(pathname, this.#body)).find((found) => found !== undefined) : undefined;
    given.requests.add({ arrivedAtMs: this.#arrivedAtMs, method, path, headers, body: this.#body, model, end: this.#end.promise });
    try {
      if (given.key !== undefined && !shownKeys(headers).includes(given.key)) this.#fail(protocol ?? PROTOCOLS[0], { status: 401 });
      else if (method === "GET" && /\/models\/?$/.test(pathname)) this.#send(200, modelList(given.models ?? ["scripted"]));
      else if (side !== undefined) this.#send(200, side);
      else if (!protocol) this.#fail(PROTOCOLS[0], { status: 404, message: `No such path: ${method} ${pathname}.`, code: "not_found" });
      else if (!model) this.#fail(protocol, { status: 400, message: `The request does not have the protocol's form: ${problem}` });
      else await this.#play(protocol, model, given.scenario);
    } catch (error) {
      // A wrong answer of a scenario must show where it is looked for: in the client's error.
      const message = `The scenario failed: ${error instanceof ZodError ? JSON.stringify(error.issues) : String(error)}`;
      if (this.#response.headersSent) this.#response.destroy();
      else this.#fail(protocol ?? PROTOCOLS[0], { status: 400, message });
    }
  }

  #read(protocol: ModelProtocol | undefined, pathname: string): [ModelRequest | undefined, string] {
    try {
      return [protocol?.read(this.#body, pathname), ""];
    } catch (error) {
      return [undefined, String(error)];
    }
  }

  async #play(protocol: ModelProtocol, request: ModelRequest, scenario: Scenario): Promise<void> {
    const found = scenario(request);
    if (!found) throw new Error(`no turn fits step ${request.step} of ${JSON.stringify(request.prompt.slice(0, 200))}`);
    const answer = answerSchema.parse(found);
    if (answer.stop === "silent-before-headers") return;
    if (answer.headersDelayMs > 0) await delay(answer.headersDelayMs, undefined, { signal: this.#gone.signal }).catch(() => undefined);
    if (this.#gone.signal.aborted) return;
    const error = answer.error && meant(protocol, answer.error);
    if (error && !error.inStream) return this.#fail(protocol, error);
    const ready = readyAnswer(request, answer, callsOf(answer, request));
    if (!request.isStream) {
      if (error) return this.#fail(protocol, error);
      if (answer.stop === undefined) return this.#send(200, protocol.whole(request, ready));
    }
    await this.#stream(error ? protocol.errorFrames(request, error) : protocol.frames(request, ready), answer);
  }

  async #stream(frames: Iterable<Frame>, { stop, stopAfterFrames }: Answer): Promise<void> {
    this.#response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", "x-request-id": randomId("req_") });
    this.#response.flushHeaders();
    let sent = 0;
    for (const frame of frames) {
      if (this.#gone.signal.aborted) return;
      if (stop !== undefined && sent === stopAfterFrames) return await this.#stop(stop);
      if (!this.#response.write(toSse(frame))) await once(this.#response, "drain", { signal: this.#gone.signal }).catch(() => undefined); // gone: the loop ends
      sent += 1;
    }
    if (stop === undefined) this.#response.end();
    else await this.#stop(stop);
  }

  async #stop(stop: NonNullable<Answer["stop"]>): Promise<void> {
    if (stop !== "cut") return;
    this.#end.resolve("stopped");
    // What was sent is to arrive: a socket that is destroyed at once may take it along.
    await new Promise<void>((resolve) => this.#response.write("", () => resolve()));
    this.#response.destroy();
  }

  #fail(protocol: ModelProtocol | undefined, error: Omit<ScriptedError, "inStream">): void {
    const headers: Record<string, string> = error.retryAfterSeconds === undefined ? {} : { "retry-after": String(error.retryAfterSeconds) };
    this.#send(error.status, protocol?.error({ inStream: false, ...error }), headers);
  }

  #send(status: number, body: unknown, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { "content-type": "application/json", "x-request-id": randomId("req_"), ...headers });
    this.#response.end(JSON.stringify(body));
  }
}

/** An error that has a meaning, in the vendor's words. */
function meant({ meanings }: ModelProtocol, error: ScriptedError): ScriptedError {
  return error.meaning === undefined ? error : { ...error, ...meanings[error.meaning] };
}

/** A bearer token, Anthropic's header, Gemini's. */
function shownKeys({ authorization = "", ...headers }: IncomingMessage["headers"]): unknown[] {
  return [authorization.replace(/^Bearer /, ""), headers["x-api-key"], headers["x-goog-api-key"]];
}

/** A request without tools, for a title say, gets the text alone. */
function callsOf(answer: Answer, request: ModelRequest) {
  const commands = answer.shell === undefined ? [] : [answer.shell].flat();
  const calls = [
    ...commands.map((command) => shellCall(request, command)),
    ...(answer.calls ?? []).map(({ tool, input }) => {
      const call = namedCall(request, tool, input);
      if (!call) throw new Error(`the request offers no tool called ${tool}; it has ${request.tools.map(({ name }) => name).join(", ")}`);
      return call;
    }),
  ].filter((call) => call !== undefined);
  if (commands.length > 0 && calls.length === 0 && request.tools.length > 0)
    throw new Error(`no shell tool is known among ${request.tools.map(({ name }) => name).join(", ")}`);
  return calls;
}

function toSse({ event, data }: Frame): string {
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
}

function modelList(models: readonly string[]): unknown {
  return { object: "list", data: models.map((id) => ({ id, object: "model", created: 1_700_000_000, owned_by: "scripted" })) };
}
