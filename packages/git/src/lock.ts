const tails = new Map<string, Promise<unknown>>();

/**
 * Runs `work` alone among all work of this process under the same key, in the order of the calls. A signal that aborts while others are at work ends
 * the wait with its reason, and the work is not begun.
 */
export async function withLock<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  const before = tails.get(key) ?? Promise.resolve();
  const begin = (): Promise<T> => {
    signal?.throwIfAborted();
    return work();
  };
  // The next in line waits for the end of this one, not for its success.
  const mine = before.then(begin, begin).finally(() => {
    if (tails.get(key) === mine) tails.delete(key);
  });
  tails.set(key, mine);
  if (signal) await untilSettled(before, mine, signal);
  return await mine;
}

/** Waits for the work before; rejects where the signal aborts first, and then nobody asks for the result of `mine`. */
async function untilSettled(before: Promise<unknown>, mine: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => {
    mine.catch(() => undefined);
    reject(signal.reason);
  };
  signal.addEventListener("abort", abort, { once: true });
  before.then(
    () => resolve(),
    () => resolve(),
  );
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
