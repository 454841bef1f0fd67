import { SlipwayError } from "@slipway/protocol/errors";

/** Requests at once: of one attempt, and of all. */
const TOKEN_LIMIT = 64;
const LIMIT = 512;
/** Bytes of requests that are held at once. */
const HELD_LIMIT_BYTES = 512 * 1_048_576;

/** One request's place; disposing gives it back. */
export interface Admission extends Disposable {
  /** Counts bytes that are held for the request. GATEWAY_UNAVAILABLE where all requests together hold too many. */
  hold(bytes: number): void;
}

/** Bounds what agents can have the gateway do at once. */
export class Door {
  readonly #ofToken = new Map<string, number>();
  #inside = 0;
  #heldBytes = 0;

  /** GATEWAY_UNAVAILABLE where the attempt, or all of them, have too many requests under way. */
  admit(token: string): Admission {
    const ofToken = this.#ofToken.get(token) ?? 0;
    if (ofToken >= TOKEN_LIMIT) throw busy(`The attempt has ${ofToken} model requests under way, as many as it may.`);
    if (this.#inside >= LIMIT) throw busy(`The gateway has ${this.#inside} requests under way, as many as it takes.`);
    this.#ofToken.set(token, ofToken + 1);
    this.#inside += 1;
    let heldBytes = 0;
    return {
      hold: (bytes) => {
        if (this.#heldBytes + bytes > HELD_LIMIT_BYTES) throw busy("The gateway holds as many bytes of requests as it may.");
        this.#heldBytes += bytes;
        heldBytes += bytes;
      },
      [Symbol.dispose]: () => {
        this.#heldBytes -= heldBytes;
        heldBytes = 0;
        this.#inside -= 1;
        const left = (this.#ofToken.get(token) ?? 1) - 1;
        if (left === 0) this.#ofToken.delete(token);
        else this.#ofToken.set(token, left);
      },
    };
  }
}

function busy(message: string): SlipwayError {
  return new SlipwayError("GATEWAY_UNAVAILABLE", message, { busy: true, hint: "Ask again in a moment." });
}
