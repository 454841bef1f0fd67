import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@slipway/protocol/client";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import { LEASE_RENEW_MS } from "@slipway/protocol/worker-api";

export interface Lease extends AsyncDisposable {
  /** Aborts when the integrator stops, and with LEASE_LOST when the lease is over. */
  readonly signal: AbortSignal;
}

/** After a renewal that did not reach the server, the next try comes this soon, in ms. */
const RETRY_MS = 250;

/** Renews the lease on a claimed completion until it is disposed of, the server refuses, or the time of the last answer has run out. */
export function holdLease(client: Client, claimed: ClaimedCompletion, stop: AbortSignal): Lease {
  const lost = new AbortController();
  const released = new AbortController();
  const signal = AbortSignal.any([stop, lost.signal]);
  const renewing = renewUntilLost(client, claimed, AbortSignal.any([signal, released.signal])).then((reason) => {
    if (reason !== undefined) lost.abort(reason);
  });
  return {
    signal,
    async [Symbol.asyncDispose]() {
      released.abort();
      await renewing;
    },
  };
}

/** Ends with why the lease is lost, or with undefined when `signal` aborts. */
async function renewUntilLost(client: Client, claimed: ClaimedCompletion, signal: AbortSignal): Promise<SlipwayError | undefined> {
  const params = { completion: claimed.completion.id, fence: claimed.fence };
  // On the monotonic clock, counted from when the renewal was sent: never later than the server's own deadline.
  let deadline = performance.now() + claimed.ttlMs;
  let pause = Math.min(LEASE_RENEW_MS, claimed.ttlMs / 3);
  try {
    for (;;) {
      await delay(Math.max(0, Math.min(pause, deadline - performance.now())), undefined, { signal });
      const sentAt = performance.now();
      if (sentAt >= deadline) return new SlipwayError("LEASE_LOST", "The lease on the completion ran out while the server was away.", params);
      try {
        const { ttlMs } = await client.call("renewCompletion", {
          params,
          body: {},
          signal: AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(deadline - sentAt))]),
        });
        deadline = sentAt + ttlMs;
        pause = Math.min(LEASE_RENEW_MS, ttlMs / 3);
      } catch (error) {
        signal.throwIfAborted();
        const { code, message } = toSlipwayError(error, "SERVER_UNAVAILABLE");
        if (code !== "SERVER_UNAVAILABLE") return new SlipwayError("LEASE_LOST", message, params, { cause: error });
        pause = RETRY_MS;
      }
    }
  } catch (error) {
    if (signal.aborted) return undefined;
    return new SlipwayError("LEASE_LOST", undefined, params, { cause: error });
  }
}
