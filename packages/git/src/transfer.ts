import { SlipwayError } from "@slipway/protocol/errors";

/** A hub that is at work says something every 5 s (`uploadpack.keepAlive`, `receive.keepAlive`); silent for so long, in seconds, it is gone. */
const SILENCE_SECONDS = 60;

/** Configuration of a git process that talks to the hub: it gives up where nothing at all comes any more. */
export function transferConfig(silenceSeconds = SILENCE_SECONDS): Array<readonly [string, string]> {
  return [
    ["http.lowSpeedLimit", "1"],
    ["http.lowSpeedTime", String(silenceSeconds)],
  ];
}

/**
 * Gives work with the hub a time of its own, in ms: a transfer that crawls holds nobody up for ever. When the time is over the signal of the work
 * aborts, which ends its git processes, and it fails with REPOSITORY_UNREACHABLE; with the reason of `signal` where that aborts.
 */
export async function withinLimit<T>(signal: AbortSignal, limitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(Math.max(1, Math.floor(limitMs)));
  try {
    return await work(AbortSignal.any([signal, limit]));
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.aborted) throw error;
    const message = `The hub did not hand over or take in everything within ${Math.ceil(limitMs / 1_000)} s.`;
    throw new SlipwayError("REPOSITORY_UNREACHABLE", message, { limitMs: Math.floor(limitMs) });
  }
}
