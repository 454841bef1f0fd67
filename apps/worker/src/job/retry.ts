import { SlipwayError } from "@slipway/protocol/errors";
import pRetry from "p-retry";

/**
 * Does `work` again while the server is out of reach. Without `retries` only the signal ends it: a server that stays away costs the lease, and
 * a lost lease aborts the signal.
 */
export async function whileUnreachable<T>(signal: AbortSignal, work: () => Promise<T>, retries: number = Number.POSITIVE_INFINITY): Promise<T> {
  return await pRetry(work, {
    retries,
    minTimeout: 100,
    maxTimeout: 2_000,
    factor: 2,
    signal,
    shouldRetry: ({ error }) => error instanceof SlipwayError && (error.code === "SERVER_UNAVAILABLE" || error.code === "REPOSITORY_UNREACHABLE"),
  });
}
