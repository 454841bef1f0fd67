import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ModelCallOutcome } from "@slipway/protocol/events";
import type { Failure } from "@slipway/protocol/job";
import type { Dispatcher } from "undici";
import type { AnswerTap } from "../cassette/answer-tap.ts";
import { sendError } from "../http/gateway-error.ts";
import { headersToAgent } from "../http/headers.ts";
import { KEY_CODES } from "../key-ring.ts";
import type { CountedTokens } from "../prices.ts";
import type { ModelApi, VendorProtocol } from "../protocols/protocol.ts";
import { wasStale } from "../upstream.ts";
import { type CallNames, connectionFailure, endedEarly, type Mask, vendorFailure } from "./failures.ts";
import { StreamScanner } from "./stream-scanner.ts";
import type { VendorError } from "./usage.ts";
import { codeOfStatus, codeOfStreamError, retryAfterMs } from "./vendor-failure.ts";

/** Answers that are no streams are held until they are whole, to be read first; longer ones are passed on unread. */
const HELD_LIMIT_BYTES = 16 * 1_048_576;
/** An agent that takes nothing of its answer for this long is given up. */
const AGENT_SILENCE_LIMIT_MS = 300_000;

const NO_TOKENS: CountedTokens = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/** How a call ended, as far as its answer tells. */
export interface AnswerEnding {
  readonly outcome: ModelCallOutcome;
  readonly status: number | null;
  /** Zeros for a call that was refused; null where the vendor told nothing. */
  readonly tokens: CountedTokens | null;
  readonly tier: string | undefined;
  readonly failure: Failure | null;
  readonly retryAfterMs: number | undefined;
  readonly firstByteAt: number | null;
}

export interface AnswerOptions {
  readonly api: ModelApi;
  readonly protocol: VendorProtocol;
  readonly names: CallNames;
  readonly key: string | null;
  readonly mask: Mask;
  /** Looks on at what the agent gets. */
  readonly tap?: Pick<AnswerTap, "head" | "data"> | undefined;
  /** Called once, with how the call ended, before the agent can know it. A failure is passed on when the promise resolves, all else at once. */
  readonly settle: (ending: AnswerEnding) => Promise<void>;
  /** Called once, when all of the answer has been looked at; the agent has its end when the promise resolves. `isWhole`: the agent gets it to its end. */
  readonly keep?: ((ending: AnswerEnding, isWhole: boolean) => Promise<void>) | undefined;
}

/** Why a request might be sent another time: over a fresh connection, or with another key. Answers whether it is; this answer is nobody's then. */
export type Again = (why: "stale" | "key", ending: Pick<AnswerEnding, "failure" | "retryAfterMs">) => boolean;

/**
 * Passes a vendor's answer on to the agent, no faster than the agent takes it, and looks at it on the way. Errors, whether by their status or inside a stream,
 * are held until the call is settled; everything else that streams is passed on at once.
 */
export class VendorAnswer implements Dispatcher.DispatchHandler {
  /** Resolves when all is passed on and nothing more comes, whoever ended it. */
  readonly ended: Promise<void>;
  readonly #options: AnswerOptions;
  readonly #response: ServerResponse;
  readonly #gone: AbortSignal;
  readonly #again: Again | undefined;
  readonly #scanner: StreamScanner;
  readonly #mustComplete: boolean;
  readonly #resolve: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #status: number | null = null;
  #headers: IncomingHttpHeaders = {};
  #mode: "held" | "stream" | "pass" = "held";
  #held: Buffer[] = [];
  #heldBytes = 0;
  #firstByteAt: number | null = null;
  #settling: Promise<void> | undefined;
  #stall: NodeJS.Timeout | undefined;

  /** `gone` aborts when the agent is gone; `again` is asked whether the request is sent another time, where nothing of this answer has gone out. */
  constructor(options: AnswerOptions, response: ServerResponse, gone: AbortSignal, again?: Again) {
    this.#options = options;
    this.#response = response;
    this.#gone = gone;
    this.#again = again;
    const form = options.api.streamForm();
    this.#mustComplete = form.mustComplete;
    this.#scanner = new StreamScanner(form);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolve = resolve;
    gone.addEventListener("abort", () => this.#controller?.abort(new SlipwayError("CANCELLED", "The agent is gone.")), { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#gone.aborted) controller.abort(new SlipwayError("CANCELLED", "The agent is gone."));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (status >= 300 || !/^text\/event-stream\b/i.test(headers["content-type"] ?? "")) return;
    this.#mode = "stream";
    this.#writeHead().flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#firstByteAt ??= performance.now();
    if (this.#mode === "held") {
      this.#hold(controller, chunk);
      return;
    }
    if (this.#mode === "stream" && !this.#settling) {
      this.#scanner.push(chunk);
      if (this.#scanner.error) {
        this.#settle(this.#streamFailure(this.#scanner.error));
        this.#writeSettled(controller, chunk);
        return;
      }
    }
    this.#write(controller, chunk);
  }

  onResponseEnd(): void {
    if (this.#mode === "held") {
      this.#endHeld();
      return;
    }
    this.#end(this.#mode === "stream" ? this.#endOfStream() : this.#ok(), () => this.#response.end(), { isWhole: true });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const { complete, tokens } = this.#scanner;
    if (this.#settling || complete) {
      // What an agent has wholly read it may hang up on.
      this.#end(this.#ok(), () => this.#response.destroy());
    } else if (this.#gone.aborted) {
      this.#end({ ...this.#ok(), outcome: "cut", tokens: tokens ?? this.#nothingSent() }, () => this.#response.destroy());
    } else if (this.#status === null && wasStale(error) && this.#again?.("stale", { failure: null, retryAfterMs: undefined })) {
      this.#resolve();
    } else {
      const failure = connectionFailure(error, this.#options.names, this.#options.mask);
      this.#end(this.#failure(failure, tokens ?? this.#nothingSent()), () => {
        if (this.#response.headersSent) this.#response.destroy();
        else sendError(this.#response, new SlipwayError(failure.code, failure.message, failure.details), this.#options.protocol);
      });
    }
  }

  #settle(ending: AnswerEnding): void {
    this.#settling = this.#options.settle(ending);
  }

  /** Settles the call, unless a failure inside its stream has been settled before, and has it kept; then `act` tells the agent. */
  #end(ending: AnswerEnding, act: () => void, { isWhole } = { isWhole: false }): void {
    clearTimeout(this.#stall);
    const isSettledFirst = this.#settling !== undefined || ending.outcome === "failed";
    if (!this.#settling) this.#settle(ending);
    const finish = (): void => {
      act();
      this.#resolve();
    };
    const waited = [isSettledFirst ? this.#settling : undefined, this.#options.keep?.(ending, isWhole)].filter((wait) => wait !== undefined);
    if (waited.length > 0) void Promise.all(waited).then(finish);
    else finish();
  }

  #endOfStream(): AnswerEnding {
    this.#scanner.end();
    const { error, complete, tokens } = this.#scanner;
    if (error) return this.#streamFailure(error);
    if (complete || !this.#mustComplete) return this.#ok();
    return this.#failure(endedEarly(this.#options.names, this.#status ?? 502), tokens);
  }

  #hold(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= HELD_LIMIT_BYTES) return;
    const held = Buffer.concat(this.#held);
    this.#held = [];
    this.#mode = "pass";
    if ((this.#status ?? 0) >= 300) this.#settle(this.#statusFailure(null));
    this.#writeSettled(controller, held, () => this.#writeHead());
  }

  /** Writes as soon as what was to be settled is; until then nothing more is read. */
  #writeSettled(controller: Dispatcher.DispatchController, chunk: Buffer, before?: () => void): void {
    controller.pause();
    void (this.#settling ?? Promise.resolve()).then(() => {
      before?.();
      this.#write(controller, chunk);
      if (!this.#response.writableNeedDrain) controller.resume();
    });
  }

  #endHeld(): void {
    const body = Buffer.concat(this.#held);
    this.#held = [];
    const ending = this.#endOfHeld(parse(body));
    if (ending.failure && KEY_CODES.has(ending.failure.code) && this.#again?.("key", ending)) {
      this.#resolve();
      return;
    }
    const masked = this.#masked(body);
    const [status, headers] = this.#head();
    this.#options.tap?.head(status, headers);
    this.#options.tap?.data(masked);
    this.#end(ending, () => this.#response.writeHead(status, headers).end(masked), { isWhole: true });
  }

  #endOfHeld(answer: unknown): AnswerEnding {
    const { tokens, tier, error } = this.#options.api.readAnswer(answer);
    const status = this.#status ?? 502;
    this.#scanner.tokens = tokens;
    this.#scanner.tier = tier;
    if (status >= 300) return this.#statusFailure(error ?? looseError(answer));
    if (error) return this.#streamFailure(error);
    return answer === undefined ? this.#failure(notJson(this.#options.names, status), null) : this.#ok();
  }

  /** An error's text may repeat the key; nothing else is touched. */
  #masked(body: Buffer): Buffer {
    const { key, mask } = this.#options;
    return key !== null && body.includes(key) ? Buffer.from(mask(body.toString("latin1")), "latin1") : body;
  }

  #head(): [status: number, headers: ReturnType<typeof headersToAgent>] {
    return [this.#status ?? 502, headersToAgent(this.#headers, this.#options.key)];
  }

  #writeHead(): ServerResponse {
    const [status, headers] = this.#head();
    this.#options.tap?.head(status, headers);
    return this.#response.writeHead(status, headers);
  }

  #write(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#options.tap?.data(chunk);
    if (this.#response.destroyed || this.#response.write(chunk)) return;
    controller.pause();
    this.#stall = setTimeout(() => this.#response.destroy(), AGENT_SILENCE_LIMIT_MS);
    this.#response.once("drain", () => {
      clearTimeout(this.#stall);
      controller.resume();
    });
  }

  #ok(): AnswerEnding {
    const { tokens, tier } = this.#scanner;
    return { outcome: "ok", status: this.#status, tokens, tier, failure: null, retryAfterMs: undefined, firstByteAt: this.#firstByteAt };
  }

  #failure(failure: Failure, tokens: CountedTokens | null, afterMs?: number): AnswerEnding {
    return { ...this.#ok(), outcome: "failed", failure, tokens, retryAfterMs: afterMs };
  }

  #statusFailure(error: VendorError | null): AnswerEnding {
    const status = this.#status ?? 502;
    return this.#vendorFailure(codeOfStatus(status, error), error, NO_TOKENS);
  }

  #streamFailure(error: VendorError): AnswerEnding {
    return this.#vendorFailure(codeOfStreamError(error), error, this.#scanner.tokens ?? (this.#scanner.sawOutput ? null : NO_TOKENS));
  }

  #vendorFailure(code: Failure["code"], error: VendorError | null, tokens: CountedTokens | null): AnswerEnding {
    const { names, mask } = this.#options;
    const failure = vendorFailure(code, names, this.#status ?? 502, error, mask, this.#header("x-request-id") ?? this.#header("request-id"));
    const afterMs = code === "BACKEND_RATE_LIMITED" || code === "MODEL_OVERLOADED" ? retryAfterMs((name) => this.#header(name), error) : undefined;
    return this.#failure(failure, tokens, afterMs);
  }

  #header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Zeros where the request never left. */
  #nothingSent(): CountedTokens | null {
    return this.#controller ? null : NO_TOKENS;
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    // A page of a proxy, say: the status alone tells what it is.
    return undefined;
  }
}

/** Other servers put the words of an error elsewhere than OpenAI does. */
function looseError(answer: unknown): VendorError | null {
  const { message, detail } = (answer ?? {}) as { message?: unknown; detail?: unknown };
  const words = typeof message === "string" ? message : typeof detail === "string" ? detail : undefined;
  return words === undefined ? null : { code: "", type: "", message: words.slice(0, 2_000) };
}

function notJson(names: CallNames, status: number): Failure {
  const message = `${names.provider} (${names.baseUrl}) answered ${status} with something that is neither JSON nor an event stream.`;
  return { code: "MODEL_UNREACHABLE", message, details: { provider: names.provider, model: names.model, baseUrl: names.baseUrl, status } };
}
