/** Ctrl-C and SIGTERM as one signal for the command that runs: the first press is told to a handler, the second ends the process. */
export class Interrupts implements Disposable {
  readonly #controller = new AbortController();
  readonly #onFirst: () => void;
  #count = 0;

  constructor(onFirst: () => void = () => undefined) {
    this.#onFirst = onFirst;
    process.on("SIGINT", this.#press);
    process.on("SIGTERM", this.#press);
    process.on("SIGHUP", this.#press);
  }

  /** Aborted by `abort`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether there was a press at all. */
  get pressed(): boolean {
    return this.#count > 0;
  }

  abort(): void {
    this.#controller.abort();
  }

  /** Counts presses anew: the question was answered with "go on". */
  reset(): void {
    this.#count = 0;
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#press);
    process.off("SIGTERM", this.#press);
    process.off("SIGHUP", this.#press);
  }

  readonly #press = (): void => {
    this.#count += 1;
    if (this.#count === 1) this.#onFirst();
    else process.exit(130);
  };
}
