/** Tells when nobody has given a sign of life for too long. */
export class SilenceWatch {
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, onSilence: () => void) {
    this.#limitMs = limitMs;
    this.#onSilence = onSilence;
  }

  /** A sign of life. Nothing is to be expected for `pauseMs` more; with null not until the next sign. */
  sign(pauseMs: number | null): void {
    clearTimeout(this.#timer);
    this.#timer = pauseMs === null ? undefined : setTimeout(this.#onSilence, this.#limitMs + pauseMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
