/** Of a message; the log has no more of it. */
const LIMIT = 100_000;

/** A text that comes in pieces, of which only the beginning is kept, so that no agent can fill the memory. */
export class BoundedText {
  #text = "";
  #cut = 0;

  constructor(text: string) {
    this.add(text);
  }

  add(text: string): void {
    const kept = text.slice(0, Math.max(0, LIMIT - this.#text.length));
    this.#text += kept;
    this.#cut += text.length - kept.length;
  }

  toString(): string {
    return this.#cut === 0 ? this.#text : `${this.#text}… (${this.#cut} characters cut)`;
  }
}
