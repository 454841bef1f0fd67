/** The settled calls of each attempt, as an event: who waits for a part of the budget that an open call still holds is woken when one is settled. */
export class OpenCalls {
  readonly #attempts = new Map<string, { open: number; settled: number; readonly waiting: Set<() => void> }>();

  begin(token: string): void {
    this.#of(token).open += 1;
  }

  /** The server has the settlement of a call that had begun. */
  end(token: string): void {
    const attempt = this.#of(token);
    attempt.open -= 1;
    attempt.settled += 1;
    for (const wake of attempt.waiting) wake();
    if (attempt.open === 0 && attempt.waiting.size === 0) this.#attempts.delete(token);
  }

  /** How many calls of the attempt have been settled; to be read before the server is asked, so that none is missed in between. */
  settled(token: string): number {
    return this.#attempts.get(token)?.settled ?? 0;
  }

  /** Resolves when the number of settled calls is no longer `seen`, or when the signal aborts. (It begins anew when an attempt has no call open.) */
  async next(token: string, seen: number, signal: AbortSignal): Promise<void> {
    const attempt = this.#of(token);
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    attempt.waiting.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    if (attempt.settled !== seen || signal.aborted) wake();
    await promise;
    signal.removeEventListener("abort", wake);
    attempt.waiting.delete(wake);
    if (attempt.open === 0 && attempt.waiting.size === 0) this.#attempts.delete(token);
  }

  #of(token: string): { open: number; settled: number; readonly waiting: Set<() => void> } {
    let attempt = this.#attempts.get(token);
    if (!attempt) {
      attempt = { open: 0, settled: 0, waiting: new Set() };
      this.#attempts.set(token, attempt);
    }
    return attempt;
  }
}
