import { SlipwayError } from "@slipway/protocol/errors";
import type { Journal } from "./context.ts";
import { JsonlFile } from "./jsonl-file.ts";

/**
 * The journal of one attempt on disk, a line a step: `{"key":…,"result":…}`. As with the events nothing is flushed to the device: an attempt is resumed
 * after the end of a process, and never after the end of the machine (`BOOT_ID`).
 */
export class FileJournal implements Journal, AsyncDisposable {
  readonly #file: JsonlFile;
  readonly #results: Map<string, unknown>;
  readonly #running = new Map<string, Promise<unknown>>();
  #tail: Promise<void> = Promise.resolve();

  private constructor(file: JsonlFile, results: Map<string, unknown>) {
    this.#file = file;
    this.#results = results;
  }

  /** Opens or makes it. A last line that a crash has torn is cut off: its step did not happen. A damaged line before it is INTERNAL. */
  static async open(path: string): Promise<FileJournal> {
    const results = new Map<string, unknown>();
    const file = await JsonlFile.open(path, (line) => {
      const { key, result } = parseLine(path, line);
      results.set(key, result);
    });
    return new FileJournal(file, results);
  }

  /** True where the step is recorded. */
  has(key: string): boolean {
    return this.#results.has(key);
  }

  /** Does the work once: where it is recorded, the recorded result comes back. Work that throws is not recorded. */
  async step<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#results.has(key)) return this.#results.get(key) as T;
    const running = this.#running.get(key);
    if (running) return (await running) as T;
    const step = this.#do(key, work);
    this.#running.set(key, step);
    try {
      return await step;
    } finally {
      this.#running.delete(key);
    }
  }

  /** What a step recorded; undefined where it has not been done. */
  resultOf(key: string): unknown {
    return this.#results.get(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A failed append was told to its own step; closing only waits for it.
    await this.#tail.catch(() => undefined);
    await this.#file[Symbol.asyncDispose]();
  }

  async #do<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = await work();
    const line = Buffer.from(`${JSON.stringify({ key, result })}\n`);
    const append = this.#tail.catch(() => undefined).then(() => this.#file.append(line));
    this.#tail = append;
    await append;
    this.#results.set(key, result);
    return result;
  }
}

function parseLine(path: string, line: string): { key: string; result: unknown } {
  try {
    const parsed = JSON.parse(line) as { key?: unknown; result?: unknown };
    if (typeof parsed.key === "string") return { key: parsed.key, result: parsed.result };
  } catch {
    // Told below: what matters is which file is damaged, not where the JSON parser gave up.
  }
  throw new SlipwayError("INTERNAL", `The journal ${path} has a damaged line.`, { path });
}
