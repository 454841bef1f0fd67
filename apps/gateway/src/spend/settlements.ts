import { setImmediate as nextTurn } from "node:timers/promises";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { SettleCall } from "@slipway/protocol/gateway-api";
import type { Logger } from "pino";
import type { ServerCaller } from "../server-caller.ts";
import type { Outbox } from "./outbox.ts";
import { atMost, pause } from "./pause.ts";

/** Waits between tries, in ms: 100, 200 … 5000. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Answers after which the same settlement may be taken another time: the server is away or in trouble, or does not know this gateway's token now. */
const TRY_AGAIN: ReadonlySet<string> = new Set(["SERVER_UNAVAILABLE", "DISK_FULL", "INTERNAL", "UNAUTHENTICATED", "FORBIDDEN"]);

/** Brings settlements to the server: each on disk first, then sent until the server has it, however long that is away. */
export class Settlements {
  readonly #server: ServerCaller;
  readonly #outbox: Outbox;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #sending = new Set<Promise<void>>();

  constructor(server: ServerCaller, outbox: Outbox, log: Logger) {
    this.#server = server;
    this.#outbox = outbox;
    this.#log = log;
  }

  /**
   * On disk when this returns; the promise resolves when the server has it, or has refused it for good, and never rejects before `close`. It is sent when
   * `after` has resolved.
   */
  settle(settle: SettleCall, after?: Promise<unknown>): Promise<void> {
    this.#outbox.add(settle);
    return this.#start(settle, after);
  }

  /** Keeps what the next process shall settle, should this one not come to settle the call itself. False where it is not on disk. */
  begin(settle: SettleCall): boolean {
    return this.#outbox.add(settle);
  }

  /** Sends what an earlier process left; resolves when the server has all of it. */
  async resume(): Promise<void> {
    await Promise.all(this.#outbox.pending().map((settle) => this.#start(settle)));
  }

  /** Gives what is being sent a last while; what the server has not taken then stays in the outbox. */
  async close(limitMs: number): Promise<void> {
    await atMost(Promise.all(this.#sending), limitMs);
    this.#stop.abort();
  }

  #start(settle: SettleCall, after?: Promise<unknown>): Promise<void> {
    const sending: Promise<void> = this.#send(settle, after).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
    return sending;
  }

  async #send(settle: SettleCall, after?: Promise<unknown>): Promise<void> {
    const { callId } = settle;
    // The agent's answer goes out first: the settlement is on disk, and the server may have it a moment later.
    await nextTurn();
    await after;
    for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#server.call("settleModelCall", { params: { call: callId }, body: settle });
        return this.#outbox.remove(callId);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const { code, message } = toSlipwayError(error);
        if (!TRY_AGAIN.has(code)) {
          // One whose reservation never arrived is unknown there, as it should be.
          this.#log[code === "NOT_FOUND" ? "debug" : "error"]({ callId, code, reason: message }, "the server does not take a settlement; it is given up");
          return this.#outbox.remove(callId);
        }
        this.#log.warn({ callId, code, reason: message, waitMs }, "a settlement could not be sent; tried again");
      }
      await pause(waitMs, this.#stop.signal);
    }
  }
}
