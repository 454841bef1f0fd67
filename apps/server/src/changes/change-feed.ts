import { CHANGE_TOPICS, CHANGED_JOBS_LIMIT, CHANGES_INTERVAL_MS, type ChangeFrame, type ChangeTopic } from "@slipway/protocol/changes";
import { newId } from "@slipway/protocol/scalars";
import type { Change } from "../events/event-bus.ts";

type Changes = Extract<ChangeFrame, { type: "changes" }>;

/** Notices that are kept for readers who come back: at ten a second, more than a minute and a half of a busy installation. */
const KEPT = 1_000;

/**
 * Gathers what changes and tells it in one notice at a time, as often as `CHANGES_INTERVAL_MS` at most; where nothing changes, or nobody listens, no timer
 * runs. Its cursors are good for as long as this server runs: after a restart a reader begins anew.
 */
export class ChangeFeed {
  readonly #epoch = newId().slice(-8);
  readonly #listeners = new Set<(frame: ChangeFrame) => void>();
  readonly #kept: Changes[] = [];
  #count = 0;
  #jobs = new Set<string>();
  #states = new Set<string>();
  #topics = new Set<ChangeTopic>();
  #timer: NodeJS.Timeout | null = null;

  job(id: string, change: Change): void {
    this.#jobs.add(id);
    if (change === "state") this.#states.add(id);
    this.#soon();
  }

  topic(topic: ChangeTopic): void {
    this.#topics.add(topic);
    this.#soon();
  }

  /**
   * Calls `listener` with a `hello`, with what was told since the cursor where that is still kept, and with every notice from then on, until the returned
   * function is called. A cursor that is missing, or of another server's life, is answered with `resumed: false`.
   */
  listen(cursor: string | undefined, listener: (frame: ChangeFrame) => void): () => void {
    // What is gathered already belongs to those who were there before.
    this.#flush();
    const missed = this.#since(cursor);
    listener({ type: "hello", cursor: this.#cursor(), resumed: missed !== undefined });
    for (const frame of missed ?? []) listener(frame);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #since(cursor: string | undefined): Changes[] | undefined {
    const [epoch, count] = cursor?.split(".") ?? [];
    const seen = Number(count);
    if (epoch !== this.#epoch || !Number.isSafeInteger(seen) || seen > this.#count || this.#count - seen > this.#kept.length) return undefined;
    return seen === this.#count ? [] : this.#kept.slice(seen - this.#count);
  }

  #cursor(): string {
    return `${this.#epoch}.${this.#count}`;
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#flush(), CHANGES_INTERVAL_MS).unref();
  }

  #flush(): void {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#count += 1;
    const frame: Changes = {
      type: "changes",
      cursor: this.#cursor(),
      jobs: named(this.#jobs),
      states: named(this.#states),
      topics: CHANGE_TOPICS.filter((topic) => this.#topics.has(topic)),
    };
    this.#jobs = new Set();
    this.#states = new Set();
    this.#topics = new Set();
    this.#kept.push(frame);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const listener of this.#listeners) listener(frame);
  }
}

function named(ids: ReadonlySet<string>): string[] | "many" {
  return ids.size > CHANGED_JOBS_LIMIT ? "many" : [...ids];
}
