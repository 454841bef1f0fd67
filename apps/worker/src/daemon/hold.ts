import type { Client } from "@slipway/protocol/client";
import type { Logger } from "pino";

/** Tells the server why this worker claims nothing now, so that `slipway explain` can: all its slots wait for the same. */
export class Hold {
  readonly #client: Pick<Client, "call">;
  readonly #workerId: string;
  readonly #log: Logger;
  #reason: string | null = null;

  constructor(client: Pick<Client, "call">, workerId: string, log: Logger) {
    this.#client = client;
    this.#workerId = workerId;
    this.#log = log;
  }

  /** Null: it claims again. Said anew each time while it waits, as a server that was restarted does not know it any more. Never rejects. */
  async say(reason: string | null): Promise<void> {
    if (reason === null && this.#reason === null) return;
    if (reason !== null && this.#reason === null) this.#log.warn({ reason }, "nothing is claimed for now");
    if (reason === null) this.#log.info("claiming again");
    this.#reason = reason;
    try {
      await this.#client.call("holdWorker", { params: { worker: this.#workerId }, body: { reason } });
    } catch (error) {
      // It is for people to read; the worker does the same whether they can or not.
      this.#log.debug({ err: error }, "the server was not told why nothing is claimed");
    }
  }
}
