import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as openRequest, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Usage } from "@slipway/protocol/events";
import { AnswerReader } from "./answer-reader.ts";
import { type CallFailure, failureOfStatus } from "./call-failure.ts";

/** Calls of the model that may fail one after the other. Agents try far longer; the job's own retries come on top. */
const FAILURE_LIMIT = 3;
/** How long an agent may wait after a failed call, in ms, before that failure is the turn's. */
const PATIENCE_MS = 10_000;
/** More of an error's body is not read. */
const ERROR_LIMIT_BYTES = 65_536;
/** Of one connection only (RFC 9110, 7.6.1), and what asks for an answer that could not be read here. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "accept-encoding"]);

/** What a turn lets the model be called for. */
export interface TurnBounds {
  /** Where the gateway is, such as `http://127.0.0.1:40123`. */
  readonly target: string;
  /** What the gateway wants to see: the attempt's token. */
  readonly token: string;
  readonly maxSteps: number;
  readonly silenceMs: number;
}

/**
 * Stands between an agent and the gateway, on a port of its own: sees how each call of the model goes. So a turn's failure has its code from the call itself,
 * an agent that would try for ever is ended, and usage is known of agents that tell none. The agent shows a key of this port alone, so that what it hands to
 * the model's commands is not the attempt's token.
 */
export class ModelWatch {
  readonly #server: Server;
  /** What the agent shows in place of a vendor's key. */
  readonly key = `slipway-${randomBytes(24).toString("hex")}`;
  #bounds: TurnBounds;
  #failures = 0;
  #steps = 0;
  #patience: NodeJS.Timeout | undefined;
  #gaveUp = Promise.withResolvers<CallFailure>();
  #usage: Omit<Usage, "costUsd"> | undefined;
  /** Of the newest call that matters, where it failed. */
  lastFailure: CallFailure | undefined;

  private constructor(bounds: TurnBounds) {
    this.#bounds = bounds;
    this.#server = createServer((request, response) => void this.#pass(request, response));
    // The agent may keep a connection for as long as it lives.
    this.#server.keepAliveTimeout = 0;
  }

  /** Opens a port on 127.0.0.1. */
  static async open(bounds: TurnBounds): Promise<ModelWatch> {
    const watch = new ModelWatch(bounds);
    watch.#server.listen(0, "127.0.0.1");
    await once(watch.#server, "listening");
    // A port that nobody uses any more must not keep a process alive.
    watch.#server.unref();
    return watch;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Begins a turn: nothing of an earlier one counts any more. The promise resolves with the failure that the turn is to end with. */
  begin(bounds: TurnBounds): Promise<CallFailure> {
    this.stop();
    this.#bounds = bounds;
    this.#failures = 0;
    this.#steps = 0;
    this.#usage = undefined;
    this.lastFailure = undefined;
    this.#gaveUp = Promise.withResolvers<CallFailure>();
    return this.#gaveUp.promise;
  }

  /** Whether the model was called in this turn. */
  get wasCalled(): boolean {
    return this.#steps > 0;
  }

  /** What the calls of this turn took, as far as their answers told; undefined where none did. */
  get usage(): Usage | undefined {
    return this.#usage && { ...this.#usage, costUsd: 0 };
  }

  /** Ends a turn: nobody waits for its agent any more. */
  stop(): void {
    clearTimeout(this.#patience);
  }

  close(): void {
    this.stop();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) {
      response.destroy();
      return;
    }
    const key = shownKey(request);
    if (key?.value !== this.key) {
      sendError(response, 401, "This port takes the key of its agent alone.");
      return;
    }
    // Titles, summaries and classifiers have no tools: their failures do not end a turn, and they are no steps.
    const matters = body.includes('"tools":');
    if (matters) {
      clearTimeout(this.#patience);
      this.#steps += 1;
      if (this.#steps > this.#bounds.maxSteps) {
        this.#refuse(response);
        return;
      }
    }
    const call = new Call({ request, response, body, keyHeader: key.header }, this.#bounds);
    const { failure, usage, wasDropped } = await call.ended;
    if (usage) this.#add(usage);
    if (matters && !wasDropped) this.#note(failure);
  }

  #refuse(response: ServerResponse): void {
    const message = `The turn took more than ${this.#bounds.maxSteps} calls of the model, its \`maxSteps\`.`;
    sendError(response, 400, message);
    this.#giveUp({ code: "AGENT_STEP_LIMIT", message });
  }

  #note(failure: CallFailure | undefined): void {
    this.lastFailure = failure;
    this.#failures = failure ? this.#failures + 1 : 0;
    if (!failure) return;
    if (this.#failures >= FAILURE_LIMIT) this.#giveUp(failure);
    else this.#patience = setTimeout(() => this.#giveUp(failure), PATIENCE_MS);
  }

  #giveUp(failure: CallFailure): void {
    this.#gaveUp.resolve(failure);
  }

  #add(usage: Omit<Usage, "costUsd">): void {
    const names = ["inputTokens", "cachedInputTokens", "outputTokens", "reasoningTokens"] as const;
    const before = this.#usage;
    this.#usage = Object.fromEntries(names.map((name) => [name, (before?.[name] ?? 0) + usage[name]])) as Omit<Usage, "costUsd">;
  }
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  /** Where the key stands, in the vendor's protocol. */
  readonly keyHeader: KeyHeader;
}

interface CallEnd {
  readonly failure: CallFailure | undefined;
  readonly usage: Omit<Usage, "costUsd"> | undefined;
  /** The agent went away before it had its answer. */
  readonly wasDropped: boolean;
}

/** One call of the model, passed on as it is. */
class Call {
  readonly #response: ServerResponse;
  readonly #silenceMs: number;
  readonly #end = Promise.withResolvers<CallEnd>();
  #timer: NodeJS.Timeout | undefined;
  #reader: AnswerReader | undefined;
  readonly ended = this.#end.promise;

  constructor({ request, response, body, keyHeader }: Asked, { target, token, silenceMs }: TurnBounds) {
    this.#response = response;
    this.#silenceMs = silenceMs;
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !NOT_PASSED_ON.has(name)));
    const key = { [keyHeader]: keyHeader === "authorization" ? `Bearer ${token}` : token };
    const passed = openRequest(`${target}${request.url}`, {
      method: request.method,
      headers: { ...headers, ...key, "content-length": body.length },
      agent: false,
    });
    passed.on("response", (answer) => this.#answer(answer));
    passed.on("error", (error) => this.#fail({ code: this.#reader ? "MODEL_UNREACHABLE" : "GATEWAY_UNAVAILABLE", message: error.message }));
    response.on("close", () => {
      if (!response.writableFinished) this.#finish(undefined, true);
      passed.destroy();
    });
    passed.end(body);
    this.#listen(() => passed.destroy());
  }

  #answer(answer: IncomingMessage): void {
    const { statusCode: status = 502, headers } = answer;
    const passed = Object.fromEntries(Object.entries(headers).filter(([name, value]) => value !== undefined && !NOT_PASSED_ON.has(name)));
    const reader = new AnswerReader(String(headers["content-type"] ?? ""));
    this.#reader = reader;
    const body: Buffer[] = [];
    let bytes = 0;
    this.#response.writeHead(status, passed as Record<string, string>);
    this.#response.flushHeaders();
    this.#listen(() => answer.destroy());
    answer.on("data", (chunk: Buffer) => {
      this.#listen(() => answer.destroy());
      if (status < 400) reader.push(chunk);
      else if (bytes < ERROR_LIMIT_BYTES) body.push(chunk);
      bytes += chunk.length;
    });
    answer.on("end", () => {
      if (!answer.complete) return;
      if (status < 400) reader.end();
      this.#finish(status < 400 ? reader.failure : failureOfStatus(status, Buffer.concat(body).toString()));
    });
    answer.on("error", () => this.#fail({ code: "MODEL_UNREACHABLE", message: "the answer was broken off before it was whole" }));
    answer.pipe(this.#response);
  }

  /** From now on, a silence that is too long ends the call. */
  #listen(end: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#fail({ code: "MODEL_TIMEOUT", message: `the model was silent for ${this.#silenceMs / 1_000} s` });
      end();
    }, this.#silenceMs);
  }

  /** Told to the agent in the way that breaks off what it waits for. */
  #fail(failure: CallFailure): void {
    this.#finish(failure);
    if (this.#response.destroyed) return;
    if (this.#response.headersSent) this.#response.destroy();
    else sendError(this.#response, 503, `${failure.code}: ${failure.message}`);
  }

  #finish(failure: CallFailure | undefined, wasDropped = false): void {
    clearTimeout(this.#timer);
    this.#end.resolve({ failure, usage: this.#reader?.usage, wasDropped });
  }
}

const KEY_HEADERS = ["x-goog-api-key", "x-api-key", "authorization"] as const;
type KeyHeader = (typeof KEY_HEADERS)[number];

function shownKey({ headers }: IncomingMessage): { readonly header: KeyHeader; readonly value: string } | undefined {
  const header = KEY_HEADERS.find((name) => typeof headers[name] === "string");
  return header && { header, value: String(headers[header]).replace(/^Bearer +/i, "") };
}

function sendError(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify({ error: { message, code } }));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch {
    // The agent went away in the middle of its request.
    return undefined;
  }
}
