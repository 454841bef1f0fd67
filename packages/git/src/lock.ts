const tails = new Map<string, Promise<unknown>>();

/** Runs `work` alone among all work of this process under the same key, in the order of the calls. */
export async function withLock<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = tails.get(key) ?? Promise.resolve();
  // The next in line waits for the end of this one, not for its success.
  const mine = before.then(work, work);
  tails.set(key, mine);
  try {
    return await mine;
  } finally {
    if (tails.get(key) === mine) tails.delete(key);
  }
}
