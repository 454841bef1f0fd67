import { Step } from "./step.ts";

/** What of a claim its car needs: whose it is, and how it may be tested together with others. */
export interface Boarding {
  /** The completion, and the fence of its claim. */
  readonly id: string;
  readonly fence: number;
  /** Cars with the same key may be tested together; null: this one is tested alone. */
  readonly batchKey: string | null;
  /** Cars that one step may have. */
  readonly batch: number;
  /** Steps that are tested at the same time, where a step may have several cars; else the server's claims say it. */
  readonly parallel: number;
}

const ALONE: Boarding = { id: "", fence: 1, batchKey: null, batch: 1, parallel: 1 };

/**
 * The order of the completions of one target, and what each is built on: the merged commit of the one before it. Nothing here merges or waits for a server; it
 * says who is before whom and who is tested with whom, and tells those behind when what they are built on will not land.
 */
export class Train {
  readonly #cars: Car[] = [];
  readonly #testing = new Set<Step>();
  #isForming = false;

  /** Puts a car behind those of a lower place. One that comes back before others, after its lease was lost, has those begin anew. */
  board(name: string, place: number, boarding: Boarding = ALONE): Car {
    const car: Car = new Car(name, place, boarding, () => this.#ahead(car));
    const before = this.#cars.findLastIndex((other) => other.place <= place) + 1;
    const next = this.#cars.slice(before).find(({ isAside }) => !isAside);
    this.#cars.splice(before, 0, car);
    car.begin();
    next?.begin();
    return car;
  }

  /** The target is elsewhere than thought: the car is built anew, and with it all that is built on it. */
  rebuild(car: Car): void {
    car.begin();
  }

  /**
   * The cars that are tested by one verification, this one among them: those that follow each other when a slot is free, as many as may. Nobody waits for more
   * to come. A step that is over makes way for another: ask again.
   */
  stepOf(car: Car): Promise<Step> {
    this.#form();
    return car.stepped;
  }

  /** The verdict on a step is known: another may be tested. */
  tested(step: Step): void {
    this.#testing.delete(step);
    this.#form();
  }

  /**
   * Takes cars out of the way while they are looked at: those behind are built without them from here on. They come back to their place by themselves where what
   * they were built on goes, and otherwise by `toEnd` or `split`.
   */
  stepAside(...cars: readonly Car[]): void {
    for (const car of cars) car.isAside = true;
    cars.at(-1)?.round.withdraw();
    this.#form();
  }

  /** Back into the train, behind all others: what they are built on stays as it is. */
  toEnd(...cars: readonly Car[]): void {
    for (const car of cars) {
      this.#remove(car);
      car.place = Math.max(car.place, this.#cars.at(-1)?.place ?? 0);
      car.isAside = false;
      this.#cars.push(car);
    }
    for (const car of cars) car.begin();
    this.#form();
  }

  /** A step that is red goes to the end, to be tested in halves: so the one that is to blame is found. */
  split({ cars }: Step): void {
    for (const car of cars) car.most = Math.ceil(cars.length / 2);
    this.toEnd(...cars);
  }

  /** They are on the target: what is built on them stays. */
  landed(step: Step): void {
    for (const { car, round } of step.members) {
      this.#remove(car);
      car.hasLanded = true;
      // Where it has begun anew meanwhile, what is built on that begins on the target.
      if (car.round === round) round.land();
      else car.round.end();
    }
    step.land();
    this.#form();
  }

  /** It will not land, or not from here: what is built on it is built anew, and what was tested with it is tested without it. */
  leave(car: Car): void {
    if (!this.#cars.includes(car)) return;
    const { step, isAside } = car;
    this.#remove(car);
    step?.end();
    car.round.end();
    const left = isAside ? (step?.cars ?? []).filter((other) => this.#cars.includes(other)) : [];
    if (left.length > 0) this.toEnd(...left);
    this.#form();
  }

  get isEmpty(): boolean {
    return this.#cars.length === 0;
  }

  /** Names in order, those that are aside in brackets. */
  get order(): string[] {
    return this.#cars.map(({ name, isAside }) => (isAside ? `(${name})` : name));
  }

  /** Once whatever moves the cars now has come to its end. */
  #form(): void {
    if (this.#isForming) return;
    this.#isForming = true;
    queueMicrotask(() => {
      this.#isForming = false;
      while (this.#formOne());
    });
  }

  #formOne(): boolean {
    for (const step of this.#testing) if (step.over.aborted) this.#testing.delete(step);
    const cars = this.#cars.filter(({ isAside }) => !isAside);
    const from = cars.findIndex(({ step }) => !step);
    const first = cars[from];
    if (!first || (first.batch > 1 && this.#testing.size >= first.parallel)) return false;
    let size = 1;
    for (const next of cars.slice(from + 1)) {
      if (first.batchKey === null || next.batchKey !== first.batchKey || next.step || size >= Math.min(first.batch, first.most, next.most)) break;
      size += 1;
    }
    const together = cars.slice(from, from + size);
    // Those that are being merged are waited for: that takes a moment, and a verification much longer.
    if (!together.every(({ round }) => round.isBuilt)) return false;
    const step = new Step(together);
    this.#testing.add(step);
    for (const car of together) car.enter(step);
    return true;
  }

  /** The nearest car before it that others may be built on. */
  #ahead(car: Car): Round | undefined {
    return this.#cars.slice(0, this.#cars.indexOf(car)).findLast(({ isAside }) => !isAside)?.round;
  }

  #remove(car: Car): void {
    const at = this.#cars.indexOf(car);
    if (at >= 0) this.#cars.splice(at, 1);
  }
}

/** One completion in a train; the train alone moves it. */
export class Car {
  readonly name: string;
  readonly id: string;
  readonly fence: number;
  readonly batchKey: string | null;
  readonly batch: number;
  readonly parallel: number;
  place: number;
  /** Cars of a step that it may be in: less with each one that was red. */
  most = Number.POSITIVE_INFINITY;
  isAside = false;
  hasLanded = false;
  readonly #findAhead: () => Round | undefined;
  readonly #expelled = new AbortController();
  #round: Round | undefined;
  #step: Step | undefined;
  #stepped = Promise.withResolvers<Step>();

  constructor(name: string, place: number, { id, fence, batchKey, batch, parallel }: Boarding, findAhead: () => Round | undefined) {
    this.name = name;
    this.place = place;
    this.id = id;
    this.fence = fence;
    this.batchKey = batchKey;
    this.batch = batch;
    this.parallel = parallel;
    this.#findAhead = findAhead;
  }

  /** What it is built on now, and how far that is. */
  get round(): Round {
    if (!this.#round) throw new TypeError("the car is in no train yet");
    return this.#round;
  }

  /** The step that it is in, if that is not over. */
  get step(): Step | undefined {
    return this.#step?.over.aborted ? undefined : this.#step;
  }

  /** The step that it is in, now or later. */
  get stepped(): Promise<Step> {
    // Nobody is told of a step that is over by now.
    if (this.#step?.over.aborted) this.#await();
    return this.#stepped.promise;
  }

  enter(step: Step): void {
    if (this.#step) this.#await();
    this.#step = step;
    this.#stepped.resolve(step);
  }

  /** Aborts where somebody else found out that its lease is over. */
  get expelled(): AbortSignal {
    return this.#expelled.signal;
  }

  expel(reason: unknown): void {
    this.#expelled.abort(reason);
  }

  /** Starts over on what is before it now. */
  begin(): void {
    const before = this.#round;
    this.isAside = false;
    // First the new round, then the end of the old one: whoever is built on this car finds the new one in its place.
    this.#round = new Round(this.#findAhead(), () => this.begin());
    this.#step?.end();
    before?.end();
  }

  #await(): void {
    this.#step = undefined;
    this.#stepped = Promise.withResolvers();
  }
}

/** One try of a car: from the merge onto the one before it to the landing. */
export class Round {
  /** The round that it is built on; undefined where that is the target itself. */
  readonly ahead: Round | undefined;
  readonly #over = new AbortController();
  readonly #withdrawn = new AbortController();
  readonly #built = Promise.withResolvers<string>();
  #merge: { readonly oid: string; readonly onto: string | null } | undefined;
  readonly #landed = Promise.withResolvers<void>();

  /** `onLost`: what it is built on will not land. */
  constructor(ahead: Round | undefined, onLost: () => void) {
    this.ahead = ahead;
    const lose = (): void => {
      if (!this.#over.signal.aborted) onLost();
    };
    if (ahead) ahead.#withdrawn.signal.addEventListener("abort", lose, { once: true });
  }

  /** Aborts when the car has begun another round: nothing of this one counts any more. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Its merged commit, once there is one. */
  get built(): Promise<string> {
    return this.#built.promise;
  }

  /** When it is on the target. */
  get landed(): Promise<void> {
    return this.#landed.promise;
  }

  get isBuilt(): boolean {
    return this.#merge !== undefined;
  }

  /** Its merged commit, and what that was merged onto: null for a new branch. */
  get merge(): { readonly oid: string; readonly onto: string | null } {
    if (!this.#merge) throw new TypeError("the car is not merged yet");
    return this.#merge;
  }

  setBuilt(oid: string, onto: string | null): void {
    this.#merge = { oid, onto };
    this.#built.resolve(oid);
  }

  land(): void {
    this.#landed.resolve();
  }

  /** Nobody may be built on it any more; those who are begin anew before this returns. */
  withdraw(): void {
    this.#withdrawn.abort();
  }

  end(): void {
    this.#over.abort();
    this.withdraw();
  }
}
