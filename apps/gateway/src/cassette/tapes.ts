import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { ServerCaller } from "../server-caller.ts";
import { Tape } from "./tape.ts";

/** Tapes that are kept; of another attempt the tape is fetched again, and goes on where it was. */
const TAPE_LIMIT = 16;

/** The tapes of the attempts that are replayed, by their tokens. */
export class Tapes {
  readonly #server: ServerCaller;
  readonly #tapes = new Map<string, Promise<Tape>>();

  constructor(server: ServerCaller) {
    this.#server = server;
  }

  /** Whether the attempt is known to be a replay. */
  has(token: string): boolean {
    return this.#tapes.has(token);
  }

  /** The attempt's tape; `callId` is of any call of it, `played` how many it has made. CASSETTE_MISMATCH where the cassette is gone, GATEWAY_UNAVAILABLE. */
  async of(token: string, callId: string, played: number): Promise<Tape> {
    let tape = this.#tapes.get(token);
    if (!tape) {
      tape = this.#fetch(callId, played);
      this.#tapes.set(token, tape);
      const [oldest] = this.#tapes.keys();
      if (this.#tapes.size > TAPE_LIMIT && oldest !== undefined) this.#tapes.delete(oldest);
    }
    try {
      return await tape;
    } catch (error) {
      this.#tapes.delete(token);
      throw error;
    }
  }

  async #fetch(callId: string, played: number): Promise<Tape> {
    try {
      return new Tape(await this.#server.call("replayedCassette", { params: { call: callId } }), played);
    } catch (error) {
      const { code, message } = toSlipwayError(error);
      if (code !== "NOT_FOUND") throw new SlipwayError("GATEWAY_UNAVAILABLE", `The cassette cannot be had: ${message}`, { reason: code }, { cause: error });
      const hint = "Artifacts are kept for a while after their job's end (server.retentionDays). Record anew: `slipway run --record`.";
      throw new SlipwayError("CASSETTE_MISMATCH", "The cassette that this job is to be answered from is no longer kept.", { hint }, { cause: error });
    }
  }
}
