/** Cuts a byte stream into lines. A line over the limit is left out, and told of once, so that no output can fill the memory. */
export class LineSplitter {
  readonly #limitBytes: number;
  readonly #onLine: (line: string) => void;
  readonly #onTooLong: () => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isSkipping = false;

  constructor(limitBytes: number, onLine: (line: string) => void, onTooLong: () => void) {
    this.#limitBytes = limitBytes;
    this.#onLine = onLine;
    this.#onTooLong = onTooLong;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#add(chunk.subarray(from, end));
      this.#finish();
      from = end + 1;
    }
    this.#add(chunk.subarray(from));
  }

  /** What stands after the last line's end is a line too. */
  end(): void {
    this.#finish();
  }

  #add(part: Buffer): void {
    if (this.#isSkipping || part.length === 0) return;
    if (this.#bytes + part.length > this.#limitBytes) {
      this.#parts = [];
      this.#bytes = 0;
      this.#isSkipping = true;
      this.#onTooLong();
      return;
    }
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  #finish(): void {
    if (this.#bytes > 0) this.#onLine(Buffer.concat(this.#parts).toString());
    this.#parts = [];
    this.#bytes = 0;
    this.#isSkipping = false;
  }
}
