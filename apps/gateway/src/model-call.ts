import type { IncomingMessage, ServerResponse } from "node:http";
import { type SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { SettleCall } from "@slipway/protocol/gateway-api";
import type { GatewayConfig, Provider } from "@slipway/protocol/gateway-config";
import type { Logger } from "pino";
import type { Dispatcher } from "undici";
import { type CallNames, maskOf } from "./answer/failures.ts";
import { type AnswerEnding, VendorAnswer } from "./answer/vendor-answer.ts";
import { sendError } from "./http/gateway-error.ts";
import { headersToVendor } from "./http/headers.ts";
import type { FoundKey, Keys } from "./keys.ts";
import { costOf, highestCost, outputLimit, priceOf } from "./prices.ts";
import type { CallTarget, ModelApi } from "./protocols/protocol.ts";
import { PROTOCOLS } from "./protocols/protocols.ts";
import type { RequestPlan } from "./request/request-plan.ts";
import { atMost } from "./spend/pause.ts";
import { type ReservedCall, type Reserving, reserve } from "./spend/reserve.ts";
import type { CallAmounts } from "./spend/reserved-ahead.ts";

/** How long a failure waits for the server to have it, in ms: the worker shall find the cause when the agent's turn fails. */
const SETTLE_LIMIT_MS = 2_000;

/** What the next call of an attempt may hold more than this one, to fit into what is reserved ahead for it. */
const GROWTH = { factor: 1.25, tokens: 20_000 } as const;

/** What calls share. */
export interface Calling extends Reserving {
  readonly keys: Keys;
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
  const { key, refusal } = findKey(calling.keys, asked.provider, plan);
  const price = priceOf(plan.model, asked.prices);
  const { callId, told } = await reserveFor(calling, asked, plan, refusal !== null, gone);
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
  if (refusal) {
    await settle(endingOf("failed", refusal));
    return sendError(response, refusal, PROTOCOLS[asked.provider.protocol]);
  }
  await forward(calling, asked, plan, { key, request, response, gone, settle });
}

interface Forwarding {
  readonly key: FoundKey | null;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly gone: AbortSignal;
  readonly settle: (ending: AnswerEnding) => Promise<void>;
}

async function forward(calling: Calling, asked: ModelRequest, plan: RequestPlan, { key, request, response, gone, settle }: Forwarding): Promise<void> {
  const { api, target, provider, providerName } = asked;
  const protocol = PROTOCOLS[provider.protocol];
  const url = new URL(provider.baseUrl);
  const query = [url.search.slice(1), target.query ?? ""].filter((part) => part !== "").join("&");
  const path = `${url.pathname.replace(/\/+$/, "")}${target.path}${query === "" ? "" : `?${query}`}`;
  const names: CallNames = {
    provider: providerName,
    model: plan.model,
    baseUrl: provider.baseUrl,
    key: key && provider.key !== null ? { name: provider.key, from: key.from } : null,
  };
  const value = key?.value ?? null;
  const send = (again?: () => void): VendorAnswer => {
    const answer = new VendorAnswer({ api, protocol, names, key: value, mask: maskOf(value), settle }, response, gone, again);
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
    return answer;
  };
  const { promise: stale, resolve: again } = Promise.withResolvers<"again">();
  if ((await Promise.race([send(() => again("again")).ended, stale])) === "again") await send().ended;
}

/** Without the key, or with a request that must not be sent, the call is reserved all the same, with nothing: so its attempt learns why it fails. */
function findKey(keys: Keys, provider: Provider, plan: RequestPlan): { key: FoundKey | null; refusal: SlipwayError | null } {
  if (plan.refusal || provider.key === null) return { key: null, refusal: plan.refusal };
  try {
    return { key: keys.get(provider.key), refusal: null };
  } catch (error) {
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
  const failure = error && { code: error.code, message: error.message, details: { ...error.details } };
  return { outcome, status: null, tokens, tier: undefined, failure, retryAfterMs: undefined, firstByteAt: null };
}

function usageOf({ inputTokens, cachedInputTokens, outputTokens, reasoningTokens }: NonNullable<AnswerEnding["tokens"]>) {
  return { inputTokens, cachedInputTokens, outputTokens, reasoningTokens };
}
