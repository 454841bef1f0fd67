import type { IncomingMessage, ServerResponse } from "node:http";
import { type SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { SettleCall } from "@slipway/protocol/gateway-api";
import type { GatewayConfig, Provider } from "@slipway/protocol/gateway-config";
import type { Logger } from "pino";
import type { Dispatcher } from "undici";
import { type CallNames, maskOf } from "./answer/failures.ts";
import { type Again, type AnswerEnding, VendorAnswer } from "./answer/vendor-answer.ts";
import { AnswerTap } from "./cassette/answer-tap.ts";
import { playCall } from "./cassette/play-call.ts";
import type { Recordings } from "./cassette/recordings.ts";
import { secretMask } from "./cassette/secret-mask.ts";
import type { Tape, TapeRequest } from "./cassette/tape.ts";
import type { Tapes } from "./cassette/tapes.ts";
import { sendError } from "./http/gateway-error.ts";
import { headersToVendor } from "./http/headers.ts";
import type { HeldKey, KeyRing } from "./key-ring.ts";
import { costOf, highestCost, outputLimit, priceOf } from "./prices.ts";
import type { CallTarget, ModelApi } from "./protocols/protocol.ts";
import { PROTOCOLS } from "./protocols/protocols.ts";
import type { RequestPlan } from "./request/request-plan.ts";
import { atMost } from "./spend/pause.ts";
import { type ReservedCall, type Reserving, reserve } from "./spend/reserve.ts";
import type { CallAmounts } from "./spend/reserved-ahead.ts";

/** How long a failure waits for the server to have it, in ms: the worker shall find the cause when the agent's turn fails. */
const SETTLE_LIMIT_MS = 2_000;

/** How long the end of an answer waits for the server to have the call on its cassette, in ms. */
const KEEP_LIMIT_MS = 5_000;

/** What the next call of an attempt may hold more than this one, to fit into what is reserved ahead for it. */
const GROWTH = { factor: 1.25, tokens: 20_000 } as const;

/** What calls share. */
export interface Calling extends Reserving {
  readonly keys: KeyRing;
  readonly recordings: Recordings;
  readonly tapes: Tapes;
  /** All keys that are there now, for masking. */
  readonly secrets: () => readonly string[];
  readonly upstream: Dispatcher;
  readonly log: Logger;
}

/** One request of an agent, already read. */
export interface ModelRequest {
  readonly api: ModelApi;
  readonly target: CallTarget;
  readonly providerName: string;
  readonly provider: Provider;
  readonly prices: GatewayConfig["prices"];
  readonly token: string;
  readonly body: Buffer;
}

/**
 * One call of a model: plan, reserve, forward, settle. Answers the agent in every case. INVALID_REQUEST and the server's refusals are thrown before anything
 * is reserved; what fails later is settled, and told to the agent when the server has it.
 */
export async function callModel(calling: Calling, asked: ModelRequest, request: IncomingMessage, response: ServerResponse, gone: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const plan = asked.api.plan(asked.body, asked.provider, asked.target);
  // What is answered from a cassette needs no key; of an attempt's first call that is not known yet.
  const isReplay = calling.tapes.has(asked.token);
  const { key, refusal } = isReplay ? { key: null, refusal: plan.refusal } : await findKey(calling.keys, asked.provider, plan, gone);
  // Whatever it was exchanged for.
  using holding = new Holding(key);
  const price = priceOf(plan.model, asked.prices);
  const { callId, told, cassette } = await reserveFor(calling, asked, plan, isReplay || refusal !== null, gone);
  const log = calling.log.child({ callId, provider: asked.providerName, model: plan.model });
  void told.then((over) => {
    if (!over) return;
    log.info({ code: over.code, reason: over.message }, "a call that had begun is broken off: the server refuses it");
    response.destroy();
  });
  calling.calls.begin(asked.token);
  // On disk when this returns; resolves when the server has it, or after a while.
  const settle = (ending: AnswerEnding): Promise<void> => {
    const durationMs = performance.now() - startedAt;
    const firstByteMs = ending.firstByteAt === null ? null : ending.firstByteAt - startedAt;
    const { outcome, status, tokens, failure } = ending;
    const usage = tokens && { ...usageOf(tokens), costUsd: costOf(price, tokens, ending.tier) };
    const after = ending.retryAfterMs === undefined ? {} : { retryAfterMs: ending.retryAfterMs };
    const body: SettleCall = { callId, gatewayId: calling.gatewayId, outcome, status, usage, failure, ...after, durationMs, firstByteMs };
    log.debug({ outcome, status, code: failure?.code, usage, durationMs, firstByteMs, removedTools: plan.removedTools }, "model call");
    const taken = calling.settlements.settle(body, told).finally(() => calling.calls.end(asked.token));
    return atMost(taken, SETTLE_LIMIT_MS);
  };
  if (gone.aborted) return await settle(endingOf("cut", null));
  if (cassette?.mode === "replay" && !plan.refusal) {
    holding[Symbol.dispose]();
    const tape = async (): Promise<Tape> => await calling.tapes.of(asked.token, callId, cassette.calls);
    const protocol = PROTOCOLS[asked.provider.protocol];
    return await playCall({ tape, asked: onTape(calling, asked, plan), protocol, response, gone, settle });
  }
  if (refusal) {
    await settle(endingOf("failed", refusal));
    return sendError(response, refusal, PROTOCOLS[asked.provider.protocol]);
  }
  const keep = cassette?.mode === "record" ? recorderOf(calling, asked, plan, callId) : undefined;
  await forward(calling, asked, plan, { holding, request, response, gone, settle, log, keep });
}

function onTape(calling: Calling, { providerName, target, token, body }: ModelRequest, { model }: RequestPlan): TapeRequest {
  const mask = secretMask([...calling.secrets(), token]);
  const query = target.query ? `?${target.query}` : "";
  return { provider: providerName, model, path: mask(`${target.path}${query}`), request: mask(body.toString("utf8")) };
}

/** Keeps a call on the attempt's cassette, with its answer as the agent gets it; `isWhole`: to its end. */
function recorderOf(calling: Calling, asked: ModelRequest, plan: RequestPlan, callId: string) {
  const startedAt = Date.now();
  return async (tap: AnswerTap, ending: AnswerEnding, isWhole: boolean): Promise<void> => {
    const endedAt = Date.now();
    const mask = secretMask([...calling.secrets(), asked.token]);
    const { outcome, tokens, failure } = ending;
    const answer = tap.answer(mask, isWhole);
    if (answer === undefined) return calling.log.warn({ callId }, "a call is missing on its cassette: its answer is too long");
    const usage = tokens && { ...usageOf(tokens), costUsd: 0 };
    const told = failure && { ...failure, message: mask(failure.message), details: JSON.parse(mask(JSON.stringify(failure.details))) };
    await calling.recordings.keep({ version: 1, callId, ...onTape(calling, asked, plan), startedAt, endedAt, answer, outcome, usage, failure: told });
  };
}

/** The key that a call has now. */
class Holding implements Disposable {
  key: HeldKey | null;

  constructor(key: HeldKey | null) {
    this.key = key;
  }

  [Symbol.dispose](): void {
    this.key?.[Symbol.dispose]();
  }
}

interface Forwarding {
  readonly holding: Holding;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly gone: AbortSignal;
  readonly settle: (ending: AnswerEnding) => Promise<void>;
  readonly log: Logger;
  /** Where the call is recorded. */
  readonly keep: ReturnType<typeof recorderOf> | undefined;
}

async function forward(
  calling: Calling,
  asked: ModelRequest,
  plan: RequestPlan,
  { holding, request, response, gone, settle, log, keep }: Forwarding,
): Promise<void> {
  const { api, target, provider, providerName } = asked;
  const protocol = PROTOCOLS[provider.protocol];
  const url = new URL(provider.baseUrl);
  const query = [url.search.slice(1), target.query ?? ""].filter((part) => part !== "").join("&");
  const path = `${url.pathname.replace(/\/+$/, "")}${target.path}${query === "" ? "" : `?${query}`}`;
  const tried = new Set<string>();
  let wasStale = false;
  /** Whether this answer is none for the agent, and why: the request goes out another time. */
  const again: Again = (why, { failure, retryAfterMs }) => {
    if (why === "stale") {
      if (wasStale) return false;
      wasStale = true;
      return true;
    }
    const { key } = holding;
    if (!key || !failure || gone.aborted) return false;
    calling.keys.rest(key, failure.code, retryAfterMs);
    tried.add(key.name);
    const other = calling.keys.take(provider, tried);
    if (!other) return false;
    log.warn({ code: failure.code, key: key.name, next: other.name }, "the vendor refuses a key: the call goes on with another one");
    key[Symbol.dispose]();
    holding.key = other;
    return true;
  };
  for (let isOver = false; !isOver; ) {
    const { key } = holding;
    const value = key?.value ?? null;
    const names: CallNames = { provider: providerName, model: plan.model, baseUrl: provider.baseUrl, key: key && { name: key.name, from: key.from } };
    isOver = true;
    const decide: Again = (...asking) => {
      const goesOn = again(...asking);
      isOver = !goesOn;
      return goesOn;
    };
    const tap = new AnswerTap();
    let kept: Promise<void> | undefined;
    // Before the agent has the answer's end: a replay may begin as soon as the job is over.
    const recording = keep && {
      tap,
      keep: (ending: AnswerEnding, isWhole: boolean): Promise<void> => {
        kept = keep(tap, ending, isWhole);
        return atMost(kept, KEEP_LIMIT_MS);
      },
    };
    const told = async (ending: AnswerEnding): Promise<void> => {
      if (key && ending.outcome === "ok") calling.keys.good(key);
      await settle(ending);
    };
    const answer = new VendorAnswer({ api, protocol, names, key: value, mask: maskOf(value), settle: told, ...recording }, response, gone, decide);
    calling.upstream.dispatch(
      {
        origin: url.origin,
        path,
        method: "POST",
        headers: headersToVendor(request.headers, value === null ? {} : protocol.keyHeaders(value)),
        body: plan.body,
        headersTimeout: provider.headersTimeoutSeconds * 1_000,
        bodyTimeout: provider.silenceTimeoutSeconds * 1_000,
      },
      answer,
    );
    await answer.ended;
    await kept;
  }
}

/** Without the key, or with a request that must not be sent, the call is reserved all the same, with nothing: so its attempt learns why it fails. */
async function findKey(
  keys: KeyRing,
  provider: Provider,
  plan: RequestPlan,
  gone: AbortSignal,
): Promise<{ key: HeldKey | null; refusal: SlipwayError | null }> {
  if (plan.refusal) return { key: null, refusal: plan.refusal };
  try {
    return { key: await keys.acquire(provider, gone), refusal: null };
  } catch (error) {
    if (gone.aborted) return { key: null, refusal: null };
    return { key: null, refusal: toSlipwayError(error) };
  }
}

async function reserveFor(calling: Calling, asked: ModelRequest, plan: RequestPlan, refused: boolean, gone: AbortSignal): Promise<ReservedCall> {
  const price = priceOf(plan.model, asked.prices);
  const amountsOf = (input: number, output: number): CallAmounts => {
    return { inputTokens: input, outputTokens: output, costUsd: highestCost(price, { input, output, writesLongCache: plan.writesLongCache }, plan.tier) };
  };
  const named = { token: asked.token, provider: asked.providerName, model: plan.model };
  if (refused || plan.isFree) return await reserve(calling, { ...named, inputTokens: 0, outputTokens: 0, costUsd: 0, next: null }, gone);
  const output = plan.outputLimit ?? outputLimit(price) * plan.choices;
  const next = amountsOf(Math.ceil(plan.inputTokens * GROWTH.factor) + GROWTH.tokens, output);
  return await reserve(calling, { ...named, ...amountsOf(plan.inputTokens, output), next }, gone);
}

function endingOf(outcome: "cut" | "failed", error: SlipwayError | null): AnswerEnding {
  const tokens = { inputTokens: 0, cachedInputTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0 };
  const { retryAfterMs } = error?.details ?? {};
  const afterMs = typeof retryAfterMs === "number" ? retryAfterMs : undefined;
  const failure = error && { code: error.code, message: error.message, details: { ...error.details } };
  return { outcome, status: null, tokens, tier: undefined, failure, retryAfterMs: afterMs, firstByteAt: null };
}

function usageOf({ inputTokens, cachedInputTokens, outputTokens, reasoningTokens }: NonNullable<AnswerEnding["tokens"]>) {
  return { inputTokens, cachedInputTokens, outputTokens, reasoningTokens };
}
