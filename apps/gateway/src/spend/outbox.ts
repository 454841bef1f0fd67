import { closeSync, ftruncateSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { type SettleCall, settleCallSchema } from "@slipway/protocol/gateway-api";

/** An empty outbox is cut back to nothing above this size, one with settlements in it written anew above the other, in bytes. */
const CUT_ABOVE_BYTES = 65_536;
const REWRITE_ABOVE_BYTES = 4_194_304;

/**
 * Settlements that the server has not taken, on disk: one JSON line when one comes, one when the server has it. A line is written before anything is sent,
 * and is the kernel's before `add` returns, so that a killed process loses none. (A machine that loses its power may; the server then charges what was reserved.)
 */
export class Outbox implements Disposable {
  readonly #path: string;
  readonly #onTrouble: (error: unknown) => void;
  readonly #pending = new Map<string, SettleCall>();
  #file: number;
  #bytes: number;
  /** The last write was cut short; the next line must not continue it. */
  #torn: boolean;

  /** Opens the file, mode 0600. What no schema knows, such as a line that a full disk cut short, is told and left out. */
  constructor(path: string, onTrouble: (error: unknown) => void) {
    this.#path = path;
    this.#onTrouble = onTrouble;
    this.#file = openSync(path, "a+", 0o600);
    const text = readFileSync(path, "utf8");
    for (const line of text.split("\n")) if (line !== "") this.#read(line);
    this.#bytes = Buffer.byteLength(text);
    this.#torn = text !== "" && !text.endsWith("\n");
    this.#compact();
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  /** What an earlier process left, and what was added since, oldest first. */
  pending(): SettleCall[] {
    return [...this.#pending.values()];
  }

  /** In place of what was added of the same call. False where it is not on disk. */
  add(settle: SettleCall): boolean {
    this.#pending.set(settle.callId, settle);
    return this.#write({ settle });
  }

  /** The server has it, or will never take it. */
  remove(callId: string): void {
    if (!this.#pending.delete(callId)) return;
    this.#write({ taken: callId });
    this.#compact();
  }

  #read(line: string): void {
    try {
      const { settle, taken } = JSON.parse(line) as { settle?: unknown; taken?: unknown };
      if (typeof taken === "string") this.#pending.delete(taken);
      else {
        const parsed = settleCallSchema.parse(settle);
        this.#pending.set(parsed.callId, parsed);
      }
    } catch (error) {
      this.#onTrouble(error);
    }
  }

  /** A full disk must not end the gateway: the settlement is sent all the same, and only a kill in between would lose it. */
  #write(entry: object): boolean {
    const line = `${this.#torn ? "\n" : ""}${JSON.stringify(entry)}\n`;
    try {
      const written = writeSync(this.#file, line);
      this.#bytes += written;
      this.#torn = written < Buffer.byteLength(line);
    } catch (error) {
      this.#torn = true;
      this.#onTrouble(error);
    }
    return !this.#torn;
  }

  #compact(): void {
    try {
      if (this.#pending.size === 0 && this.#bytes > CUT_ABOVE_BYTES) {
        ftruncateSync(this.#file, 0);
        this.#bytes = 0;
        this.#torn = false;
      } else if (this.#bytes > REWRITE_ABOVE_BYTES + this.#pending.size * 8_192) this.#rewrite();
    } catch (error) {
      this.#onTrouble(error);
    }
  }

  #rewrite(): void {
    const text = this.pending()
      .map((settle) => `${JSON.stringify({ settle })}\n`)
      .join("");
    writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
    closeSync(this.#file);
    this.#file = openSync(this.#path, "a+", 0o600);
    this.#bytes = Buffer.byteLength(text);
    this.#torn = false;
  }
}
