import type { Car, Round } from "./train.ts";

/** Cars that follow each other and are tested, and land, by one verification: that of the last one's merged tree. Mostly it is one. */
export class Step {
  /** In order, each with the round in which it came in. */
  readonly members: ReadonlyArray<{ readonly car: Car; readonly round: Round }>;
  readonly #over = new AbortController();
  readonly #landed = Promise.withResolvers<void>();

  constructor(cars: readonly Car[]) {
    this.members = cars.map((car) => ({ car, round: car.round }));
  }

  get cars(): readonly Car[] {
    return this.members.map(({ car }) => car);
  }

  /** Aborts when one of its cars is built anew, or gone: its verdict does not count any more. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** When all of it is on the target. */
  get landed(): Promise<void> {
    return this.#landed.promise;
  }

  /** The round that its first car is built on; undefined where that is the target itself. */
  get ahead(): Round | undefined {
    return this.members[0]?.round.ahead;
  }

  /** The car whose merged tree is tested. */
  get last(): Car | undefined {
    return this.members.at(-1)?.car;
  }

  /** What the target has to hold for all of it to land. */
  get onto(): string | null {
    return this.members[0]?.round.merge.onto ?? null;
  }

  /** Those whose changes are tested with the last one's. */
  get batch(): Array<{ readonly completion: string; readonly fence: number; readonly mergedOid: string }> {
    return this.members.slice(0, -1).map(({ car, round }) => ({ completion: car.id, fence: car.fence, mergedOid: round.merge.oid }));
  }

  land(): void {
    this.#landed.resolve();
  }

  end(): void {
    this.#over.abort();
  }
}
