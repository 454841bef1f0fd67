import type { Client } from "@slipway/protocol/client";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { Logger } from "pino";
import { pause } from "../daemon/pause.ts";
import type { EventSpool, SpooledEvent } from "./event-spool.ts";

/** Bounds of one batch, as the protocol sets them. */
const BATCH_EVENTS = 2_000;
const BATCH_BYTES = 1_048_576;
/** Answers after which no event of the attempt will be taken any more: a lease that is over, or a token that was revoked. */
const LOST: ReadonlySet<string> = new Set(["LEASE_LOST", "NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN"]);
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2_000;

export interface UplinkOptions {
  readonly client: Pick<Client, "call">;
  readonly jobId: string;
  readonly fence: number;
  readonly spool: EventSpool;
  readonly log: Logger;
  /** True for a resumed attempt: the server may have a part of the spool already. */
  readonly resumed: boolean;
}

interface Batch {
  readonly events: SpooledEvent[];
  readonly endOffset: number;
}

/**
 * Carries the spool to the server: one batch on the way at a time, the first at once, what gathers meanwhile in the next. Reads from disk and keeps
 * nothing but the batch. Sent again until the server acknowledges it (the server skips what it has, so nothing is doubled). Ends when the server
 * refuses with LEASE_LOST (or knows no such attempt), or its signal aborts.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #waiting = new Set<{ ordinal: number; done: PromiseWithResolvers<void> }>();
  #acked = 0;
  #offset = 0;
  #ended: { error: unknown } | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /** Everything up to here is stored by the server. */
  get ackedOrdinal(): number {
    return this.#acked;
  }

  /** Runs until the lease is refused or the signal aborts; resolves either way, with the reason. */
  async run(signal: AbortSignal): Promise<SlipwayError> {
    const reason = await this.#send(signal).catch((error: unknown) => toSlipwayError(error));
    this.#ended = { error: reason };
    for (const { done } of this.#waiting) done.reject(reason);
    this.#waiting.clear();
    return reason;
  }

  /** Resolves when the server has everything up to `ordinal`; rejects with LEASE_LOST, or the reason of the signal. */
  async acknowledged(ordinal: number, signal?: AbortSignal): Promise<void> {
    if (this.#acked >= ordinal) return;
    if (this.#ended) throw this.#ended.error;
    signal?.throwIfAborted();
    const waiter = { ordinal, done: Promise.withResolvers<void>() };
    const abort = (): void => waiter.done.reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.add(waiter);
    try {
      await waiter.done.promise;
    } finally {
      this.#waiting.delete(waiter);
      signal?.removeEventListener("abort", abort);
    }
  }

  async #send(signal: AbortSignal): Promise<SlipwayError> {
    const { spool } = this.#options;
    // The first answer after a restart says how much the server has: one event asks for it.
    let limit = this.#options.resumed ? 1 : BATCH_EVENTS;
    for (;;) {
      await this.#somethingToSend(signal);
      const batch = await this.#next(spool, limit);
      if (batch.events.length > 0) {
        const refused = await this.#deliver(batch.events, signal);
        if (refused) return refused;
      }
      this.#offset = batch.endOffset;
      limit = BATCH_EVENTS;
    }
  }

  async #somethingToSend(signal: AbortSignal): Promise<void> {
    const { spool } = this.#options;
    signal.throwIfAborted();
    if (spool.writtenOrdinal > this.#acked) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => reject(signal.reason);
    const stop = spool.onWritten(resolve);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await promise;
    } finally {
      stop();
      signal.removeEventListener("abort", abort);
    }
  }

  /** The next events that the server does not have, within the bounds (at least one); the file offset moves over those that it has. */
  async #next(spool: EventSpool, limit: number): Promise<Batch> {
    const events: SpooledEvent[] = [];
    let bytes = 0;
    let endOffset = this.#offset;
    for await (const next of spool.read(this.#offset)) {
      if (next.event.ordinal > this.#acked) {
        bytes += next.bytes;
        if (events.length > 0 && bytes > BATCH_BYTES - 1_024) break;
        events.push(next.event);
      }
      endOffset = next.endOffset;
      if (events.length >= limit) break;
    }
    return { events, endOffset };
  }

  /** Sends until it is acknowledged; answers the refusal where the lease is lost. */
  async #deliver(events: SpooledEvent[], signal: AbortSignal): Promise<SlipwayError | undefined> {
    const { client, jobId, fence, log } = this.#options;
    const body = { events: events.map(({ ordinal, at, event }) => ({ ordinal, at, event })) };
    for (let failures = 0; ; failures += 1) {
      try {
        const { ackOrdinal } = await client.call("appendEvents", { params: { job: jobId, fence }, body, signal });
        this.#acknowledge(ackOrdinal);
        if (ackOrdinal >= (events.at(-1)?.ordinal ?? 0)) return undefined;
        throw new SlipwayError("SERVER_UNAVAILABLE", `The server acknowledged event ${ackOrdinal} of ${events.at(-1)?.ordinal}.`);
      } catch (error) {
        signal.throwIfAborted();
        const failure = toSlipwayError(error);
        if (LOST.has(failure.code)) return failure;
        if (failure.code === "INVALID_REQUEST" || failure.code === "PAYLOAD_TOO_LARGE") return await this.#divide(events, failure, signal);
        if (failures === 0) log.warn({ err: failure, jobId, fence }, "events are not accepted; they stay in the spool and are sent again");
        await pause(Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS), signal);
      }
    }
  }

  /** One event that the server does not take must not hold up the rest: it is found by halving, and a notice takes its place. */
  async #divide(events: SpooledEvent[], failure: SlipwayError, signal: AbortSignal): Promise<SlipwayError | undefined> {
    const first = events[0];
    if (first === undefined) return undefined;
    if (events.length > 1) {
      const half = Math.ceil(events.length / 2);
      return (await this.#deliver(events.slice(0, half), signal)) ?? (await this.#deliver(events.slice(half), signal));
    }
    if (first.event.kind === "notice" && first.event.data.code === failure.code) throw failure;
    const text = `An event of kind ${first.event.kind} was left out: the server refused it. ${failure.message.slice(0, 1_000)}`;
    return await this.#deliver(
      [{ ordinal: first.ordinal, at: first.at, event: { kind: "notice", data: { level: "error", text, code: failure.code } } }],
      signal,
    );
  }

  #acknowledge(ordinal: number): void {
    this.#acked = Math.max(this.#acked, ordinal);
    for (const waiter of this.#waiting) if (waiter.ordinal <= this.#acked) waiter.done.resolve();
  }
}
