/**
 * Does two things at once and waits for both, so that nothing goes on behind the caller's back. Where one fails, the other's signal aborts; the failure
 * that came first is thrown when both are over.
 */
export async function together<A, B>(
  signal: AbortSignal | undefined,
  first: (signal: AbortSignal) => Promise<A>,
  second: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const failed = new AbortController();
  const both = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const watch = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await work(both);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const [one, other] = await Promise.allSettled([watch(first), watch(second)]);
  if (one.status === "rejected" || other.status === "rejected") throw failed.signal.reason;
  return [one.value, other.value];
}

/** Waits for another's work as long as one's own signal allows: where that aborts first, rejects with its reason, and the work goes on without us. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  // Nobody hears of its end after an abort.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
