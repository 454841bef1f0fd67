import type { JobEvent } from "@slipway/protocol/events";

/** All events but the pieces of the log, which the log's own store takes. */
export type ToldEvent = Exclude<JobEvent, { kind: "log" }>;

/** What was said is held up to here, in UTF-16 units of its JSON and in events; the oldest gives way. */
const SAID_LIMITS = { characters: 16_777_216, events: 20_000 };
/** What happened is little each time, and is held up to this many. */
const STEPS_LIMIT = 20_000;

const STEPS: ReadonlySet<JobEvent["kind"]> = new Set(["state", "phase", "turn", "gate", "gate-verdict", "check", "critic", "stalled", "routing", "gap"]);

/** Events of one kind of weight, oldest first, of which the oldest give way. */
class Shelf {
  readonly #limits: { readonly characters: number; readonly events: number };
  #events: ToldEvent[] = [];
  #sizes: number[] = [];
  #begin = 0;
  #characters = 0;
  dropped = 0;

  constructor(limits: { readonly characters: number; readonly events: number }) {
    this.#limits = limits;
  }

  get events(): readonly ToldEvent[] {
    return this.#begin === 0 ? this.#events : this.#events.slice(this.#begin);
  }

  add(event: ToldEvent, characters: number): void {
    this.#events.push(event);
    this.#sizes.push(characters);
    this.#characters += characters;
    while (this.#characters > this.#limits.characters || this.#events.length - this.#begin > this.#limits.events) {
      this.#characters -= this.#sizes[this.#begin] ?? 0;
      this.#begin += 1;
      this.dropped += 1;
    }
    // What gave way is let go of many at a time.
    if (this.#begin < 1_000) return;
    this.#events = this.#events.slice(this.#begin);
    this.#sizes = this.#sizes.slice(this.#begin);
    this.#begin = 0;
  }
}

/** A job's events as a page holds them: a bounded part of what was said, and what happened. */
export class KeptEvents {
  readonly #said: Shelf;
  readonly #steps: Shelf;
  #merged: readonly ToldEvent[] | null = null;

  constructor(limits = SAID_LIMITS) {
    this.#said = new Shelf(limits);
    this.#steps = new Shelf({ characters: limits.characters, events: STEPS_LIMIT });
  }

  /** `characters`: about what it takes. */
  add(event: ToldEvent, characters: number): void {
    (STEPS.has(event.kind) ? this.#steps : this.#said).add(event, characters);
    this.#merged = null;
  }

  /** Events that gave way. */
  get dropped(): number {
    return this.#said.dropped + this.#steps.dropped;
  }

  /** All that are held, in their order; the same list until another one comes. */
  get all(): readonly ToldEvent[] {
    this.#merged ??= merged(this.#said.events, this.#steps.events);
    return this.#merged;
  }
}

function merged(one: readonly ToldEvent[], other: readonly ToldEvent[]): ToldEvent[] {
  const all: ToldEvent[] = [];
  let at = 0;
  for (const event of one) {
    for (let next = other[at]; next && next.seq < event.seq; next = other[at]) {
      all.push(next);
      at += 1;
    }
    all.push(event);
  }
  return [...all, ...other.slice(at)];
}
