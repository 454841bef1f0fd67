import { setImmediate as nextTurn } from "node:timers/promises";
import type { CassetteMode } from "@slipway/protocol/cassette";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { ReserveCall, SettleCall } from "@slipway/protocol/gateway-api";
import { newId } from "@slipway/protocol/scalars";
import type { ServerCaller } from "../server-caller.ts";
import type { OpenCalls } from "./open-calls.ts";
import { atMost } from "./pause.ts";
import { type CallAmounts, type Held, ReservedAhead } from "./reserved-ahead.ts";
import type { Settlements } from "./settlements.ts";

/** How long a call may wait for a part of the budget that other calls of its attempt hold, in ms. */
const WAIT_LIMIT_MS = 60_000;

/** How often it is asked again while calls of other jobs hold what is left of the day, in ms. */
const DAY_ASK_INTERVAL_MS = 2_000;

const BUDGET_CODES: ReadonlySet<string> = new Set(["BUDGET_EXCEEDED", "DAY_BUDGET_EXCEEDED"]);

/** How long it is waited for that the server has back what was reserved ahead, in ms. */
const GIVE_BACK_LIMIT_MS = 2_000;

/** Who reserves: the caller with the gateway's own token, what is reserved already, and what wakes those who wait. */
export interface Reserving {
  readonly gatewayId: string;
  readonly epoch: string;
  readonly server: ServerCaller;
  readonly calls: OpenCalls;
  readonly ahead: ReservedAhead;
  readonly settlements: Settlements;
  /** How long a call may wait for its budget, in ms. */
  readonly waitLimitMs?: number;
}

/** A call that is to begin. */
export interface WantedCall extends CallAmounts {
  readonly token: string;
  readonly provider: string;
  readonly model: string;
  /** What the next call of the attempt may take; null where this one must not use what was reserved for it, nor ask for another. */
  readonly next: CallAmounts | null;
}

/** A call that may begin now. */
export interface ReservedCall {
  readonly callId: string;
  /** Resolves when the server knows that it has begun; with the refusal where the call has to be broken off, such as LEASE_LOST. Never rejects. */
  readonly told: Promise<SlipwayError | null>;
  /** Whether it is to be kept on a cassette or answered from one; null for neither. */
  readonly cassette: CassetteMode | null;
}

const NOTHING_TO_TELL = Promise.resolve(null);

/**
 * Reserves what the call may cost. Where it fits into what was reserved ahead it may begin at once, and the server hears of it meanwhile. Else the server is
 * asked; where other calls of the attempt hold what is left of the budget, it waits until one is settled. Ends with the server's refusal (BUDGET_EXCEEDED or DAY_BUDGET_EXCEEDED,
 * with `details.waiting` where it waited in vain), with GATEWAY_UNAVAILABLE where the server does not answer, or with the signal's reason.
 */
export async function reserve(reserving: Reserving, wanted: WantedCall, signal: AbortSignal): Promise<ReservedCall> {
  const { gatewayId, epoch, settlements } = reserving;
  const { next, ...rest } = wanted;
  const held = next && (await reserving.ahead.take(wanted.token));
  const body: ReserveCall = { callId: held?.callId ?? newId(), gatewayId, epoch, ...rest };
  const { callId } = body;
  // Without its line on disk a kill would leave it for one that never began.
  if (held && covers(held, body) && !signal.aborted && settlements.begin(cut(callId, gatewayId))) {
    return { callId, told: tell(reserving, body, next), cassette: held.cassette };
  }
  try {
    return { callId, told: NOTHING_TO_TELL, cassette: await ask(reserving, body, next, signal) };
  } catch (error) {
    const refusal = toSlipwayError(error);
    // The server may hold a reservation that nobody will use; it takes a settlement of one that it does not know for nothing.
    if (held || refusal.details["maybeReserved"] === true) void settlements.settle(unused(callId, gatewayId));
    throw refusal;
  }
}

/** A gateway's reservations ahead; those that no call takes are settled as unused. */
export function reservedAhead(settlements: Settlements, gatewayId: string): ReservedAhead {
  return new ReservedAhead((callId) => atMost(settlements.settle(unused(callId, gatewayId)), GIVE_BACK_LIMIT_MS));
}

/** What is settled for a reservation that nothing was sent on. */
function unused(callId: string, gatewayId: string): SettleCall {
  return { ...cut(callId, gatewayId), outcome: "unused" };
}

/** How a call ends that began and of which nothing more is known. */
function cut(callId: string, gatewayId: string): SettleCall {
  return { callId, gatewayId, outcome: "cut", status: null, usage: null, failure: null, durationMs: 0, firstByteMs: null };
}

function covers(held: Held, call: CallAmounts): boolean {
  if (held.goodUntil <= performance.now() || call.inputTokens + call.outputTokens > held.inputTokens + held.outputTokens) return false;
  return call.costUsd === null ? held.costUsd === null : held.costUsd !== null && call.costUsd <= held.costUsd;
}

/** Asks until the server has reserved; the first time for the next call too. */
async function ask(reserving: Reserving, body: ReserveCall, next: CallAmounts | null, signal: AbortSignal): Promise<CassetteMode | null> {
  const { calls, ahead, waitLimitMs = WAIT_LIMIT_MS } = reserving;
  let deadline: AbortSignal | undefined;
  for (;;) {
    const seen = calls.settled(body.token);
    const { refusal, cassette } = await askOnce(reserving, body, deadline ? null : next);
    if (!refusal) return cassette;
    if (!BUDGET_CODES.has(refusal.code) || refusal.details["waiting"] !== true || deadline?.aborted) throw refusal;
    deadline ??= AbortSignal.any([signal, AbortSignal.timeout(waitLimitMs)]);
    // Of the calls of other jobs, which take of the day too, nobody tells.
    const until = refusal.code === "BUDGET_EXCEEDED" ? deadline : AbortSignal.any([deadline, AbortSignal.timeout(DAY_ASK_INTERVAL_MS)]);
    // What another call of the attempt had reserved ahead must not be what this one waits for.
    if (!(await ahead.giveBack(body.token))) await calls.next(body.token, seen, until);
    signal.throwIfAborted();
  }
}

/** Tells the server of a call that has begun on what was reserved ahead. A server that is away does not matter: its settlement will tell. */
async function tell(reserving: Reserving, body: ReserveCall, next: CallAmounts | null): Promise<SlipwayError | null> {
  // The request to the vendor goes out first.
  await nextTurn();
  const { refusal } = await askOnce(reserving, body, next);
  return refusal?.code === "GATEWAY_UNAVAILABLE" ? null : refusal;
}

interface Reserved {
  readonly refusal: SlipwayError | null;
  readonly cassette: CassetteMode | null;
}

/** One message to the server. Resolves with its refusal, if it has one: GATEWAY_UNAVAILABLE where it does not answer (`details.maybeReserved` where it may have reserved all the same). */
async function askOnce({ server, ahead, settlements, gatewayId }: Reserving, body: ReserveCall, next: CallAmounts | null): Promise<Reserved> {
  const asked = next ? ahead.ask(body.token, next) : undefined;
  const sentAt = performance.now();
  try {
    const { aheadForMs, cassette = null } = await server.call("reserveModelCall", { body: asked ? { ...body, ahead: asked.wish } : body });
    asked?.answered(aheadForMs ?? null, sentAt, cassette);
    return { refusal: null, cassette };
  } catch (error) {
    asked?.answered(null, sentAt);
    const refusal = refusalOf(error);
    if (asked && refusal.details["maybeReserved"] === true) void settlements.settle(unused(asked.wish.callId, gatewayId));
    return { refusal, cassette: null };
  }
}

/** Codes that say something about the server or this gateway, and nothing about the call. */
const NOT_ABOUT_THE_CALL: ReadonlySet<string> = new Set(["SERVER_UNAVAILABLE", "INTERNAL", "DISK_FULL", "FORBIDDEN", "INVALID_REQUEST"]);

function refusalOf(error: unknown): SlipwayError {
  const refusal = toSlipwayError(error);
  // The server names the field where the attempt's token is wrong; else it is the gateway's own.
  const ownToken = refusal.code === "UNAUTHENTICATED" && refusal.details["field"] !== "token";
  if (!ownToken && !NOT_ABOUT_THE_CALL.has(refusal.code)) return refusal;
  const message = `The gateway cannot reserve what the call may cost: ${refusal.message}`;
  return new SlipwayError("GATEWAY_UNAVAILABLE", message, { maybeReserved: mayHaveReserved(refusal), reason: refusal.code }, { cause: refusal });
}

/** False where the server said no, or nobody was there. */
function mayHaveReserved(error: SlipwayError): boolean {
  if (error.code !== "SERVER_UNAVAILABLE") return false;
  return (error.cause as { code?: unknown } | undefined)?.code !== "ECONNREFUSED";
}
