import { withinLimit } from "@slipway/git/transfer";
import { SlipwayError } from "@slipway/protocol/errors";
import pRetry from "p-retry";

/** Tries again this often where the hub does not answer; about ten seconds in all. */
const HUB_RETRIES = 8;

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

/**
 * Work with the hub: again while it is out of reach, and all of it within a share of the attempt's time. REPOSITORY_UNREACHABLE where that is over;
 * git and its helpers are dead then.
 */
export async function withHub<T>(signal: AbortSignal, limitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return await withinLimit(signal, limitMs, (limited) => whileUnreachable(limited, () => work(limited), HUB_RETRIES));
}
