import { ERRORS, toSlipwayError } from "@slipway/protocol/errors";
import pRetry from "p-retry";

/** Waits between tries, in ms: 100, 200, 400 … 2000. No jitter: there is one integrator. */
const PAUSES = { minTimeout: 100, factor: 2, maxTimeout: 2_000, randomize: false } as const;
/** How often work on the hub is tried again; with the pauses above some 20 s. */
const HUB_RETRIES = 12;

/** A call of the server, again and again while the server is away or its disk is full, until the signal aborts. Every other error is thrown as it comes. */
export async function insistOnServer<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return await pRetry(call, {
    ...PAUSES,
    retries: Number.POSITIVE_INFINITY,
    signal,
    shouldRetry: ({ error }) => ["SERVER_UNAVAILABLE", "DISK_FULL"].includes(toSlipwayError(error).code),
  });
}

/** Work with the hub's repositories, tried again where the error table says that another try may end well. */
export async function insistOnHub<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const mayEndWell = (error: unknown): boolean => {
    const { code } = toSlipwayError(error);
    return code === "SERVER_UNAVAILABLE" || (ERRORS[code].retry === "requeue" && code !== "LEASE_LOST");
  };
  return await pRetry(work, { ...PAUSES, retries: HUB_RETRIES, signal, shouldRetry: ({ error }) => mayEndWell(error) });
}
