import type { CassetteCall } from "@slipway/protocol/cassette";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { Logger } from "pino";
import type { ServerCaller } from "../server-caller.ts";
import { atMost, pause } from "../spend/pause.ts";

/** Waits between tries, in ms: 100, 200 … 2000; about a minute of them in all. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const TRIES = 32;

const TRY_AGAIN: ReadonlySet<string> = new Set(["SERVER_UNAVAILABLE", "DISK_FULL", "INTERNAL", "UNAUTHENTICATED", "FORBIDDEN"]);

/** Brings recorded calls to the server, which keeps them with their jobs; nothing of them is on this machine's disk. */
export class Recordings {
  readonly #server: ServerCaller;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #sending = new Set<Promise<void>>();

  constructor(server: ServerCaller, log: Logger) {
    this.#server = server;
    this.#log = log;
  }

  /** Resolves when the server has the call, or will not have it, which is logged. Never rejects. */
  keep(call: CassetteCall): Promise<void> {
    const sending: Promise<void> = this.#send(call).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
    return sending;
  }

  /** Gives what is being sent a last while. */
  async close(limitMs: number): Promise<void> {
    await atMost(Promise.all(this.#sending), limitMs);
    this.#stop.abort();
  }

  async #send(call: CassetteCall): Promise<void> {
    const { callId } = call;
    for (let [tried, waitMs] = [1, FIRST_PAUSE_MS]; ; tried += 1, waitMs = Math.min(waitMs * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.#server.call("recordModelCall", { params: { call: callId }, body: call });
        return;
      } catch (error) {
        const { code, message } = toSlipwayError(error);
        if (tried < TRIES && TRY_AGAIN.has(code) && !this.#stop.signal.aborted) {
          await pause(waitMs, this.#stop.signal);
          continue;
        }
        this.#log.warn({ callId, code, reason: message }, "a call is missing on its cassette: the server does not have it");
        return;
      }
    }
  }
}
