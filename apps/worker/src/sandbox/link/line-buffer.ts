/**
 * Cuts a byte stream into lines, with bounded memory: a peer that sends a line beyond `limitBytes` gets a RangeError, however small its pieces are.
 */
export class LineBuffer {
  readonly #limitBytes: number;
  #held = Buffer.allocUnsafe(4_096);
  #length = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The lines that `chunk` completes, without their line feed. */
  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#hold(chunk.subarray(start, end));
      yield this.#held.toString("utf8", 0, this.#length);
      this.#length = 0;
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  #hold(part: Buffer): void {
    const length = this.#length + part.length;
    if (length > this.#limitBytes) throw new RangeError(`a line is longer than ${this.#limitBytes} bytes`);
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#held.length * 2));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    part.copy(this.#held, this.#length);
    this.#length = length;
  }
}
