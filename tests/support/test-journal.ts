import { appendFile, readFile } from "node:fs/promises";
import type { Journal } from "../../apps/worker/src/attempt/context.ts";

/** Thrown by the journal of a test in place of a `kill -9` of the worker. */
export class Killed extends Error {}

export interface KillAt {
  /** Key of the step. */
  readonly step: string;
  /** Whether the step is recorded when the worker dies. */
  readonly recorded: boolean;
}

/** A journal on disk that can play the death of its worker. */
export class TestJournal implements Journal {
  readonly #path: string;
  readonly #results: Map<string, unknown>;
  readonly #life: { killed: boolean };
  readonly #killAt: KillAt | undefined;

  private constructor(path: string, results: Map<string, unknown>, life: { killed: boolean }, killAt: KillAt | undefined) {
    this.#path = path;
    this.#results = results;
    this.#life = life;
    this.#killAt = killAt;
  }

  static async open(path: string, life: { killed: boolean }, killAt?: KillAt): Promise<TestJournal> {
    const text = await readFile(path, "utf8").catch(() => "");
    const entries = text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as [string, unknown]);
    return new TestJournal(path, new Map(entries), life, killAt);
  }

  get keys(): string[] {
    return [...this.#results.keys()];
  }

  has(key: string): boolean {
    return this.#results.has(key);
  }

  async step<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (this.#life.killed) throw new Killed();
    if (this.#results.has(key)) return this.#results.get(key) as T;
    const result = await work();
    const dies = key === this.#killAt?.step;
    if (!dies || this.#killAt?.recorded) {
      await appendFile(this.#path, `${JSON.stringify([key, result])}\n`);
      this.#results.set(key, result);
    }
    if (dies) {
      this.#life.killed = true;
      throw new Killed(`after ${key}`);
    }
    return result;
  }
}
