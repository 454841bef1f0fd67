/**
 * The order of the completions of one target, and what each is built on: the merged commit of the one before it. Nothing here merges or waits for a server; it
 * says who is before whom, and tells those behind when what they are built on will not land.
 */
export class Train {
  readonly #cars: Car[] = [];

  /** Puts a car behind those of a lower place. One that comes back before others, after its lease was lost, has those begin anew. */
  board(name: string, place: number): Car {
    const car: Car = new Car(name, place, () => this.#ahead(car));
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
   * Takes the car out of the way while it is looked at: those behind are built without it from here on. It comes back to its place by itself where what it was
   * built on goes, and otherwise by `toEnd`.
   */
  stepAside(car: Car): void {
    car.isAside = true;
    car.round.withdraw();
  }

  /** Back into the train, behind all others: what they are built on stays as it is. */
  toEnd(car: Car): void {
    this.#remove(car);
    car.place = Math.max(car.place, this.#cars.at(-1)?.place ?? 0);
    this.#cars.push(car);
    car.begin();
  }

  /** It is on the target: what is built on it stays. */
  landed(car: Car): void {
    this.#remove(car);
    car.round.land();
  }

  /** It will not land, or not from here: what is built on it is built anew. */
  leave(car: Car): void {
    this.#remove(car);
    car.round.end();
  }

  get isEmpty(): boolean {
    return this.#cars.length === 0;
  }

  /** Names in order, those that are aside in brackets. */
  get order(): string[] {
    return this.#cars.map(({ name, isAside }) => (isAside ? `(${name})` : name));
  }

  /** The nearest car before it that others may be built on. */
  #ahead(car: Car): Round | undefined {
    return this.#cars.slice(0, this.#cars.indexOf(car)).findLast(({ isAside }) => !isAside)?.round;
  }

  #remove(car: Car): void {
    this.#cars.splice(this.#cars.indexOf(car), 1);
  }
}

/** One completion in a train; the train alone moves it. */
export class Car {
  readonly name: string;
  place: number;
  isAside = false;
  readonly #findAhead: () => Round | undefined;
  #round: Round | undefined;

  constructor(name: string, place: number, findAhead: () => Round | undefined) {
    this.name = name;
    this.place = place;
    this.#findAhead = findAhead;
  }

  /** What it is built on now, and how far that is. */
  get round(): Round {
    if (!this.#round) throw new TypeError("the car is in no train yet");
    return this.#round;
  }

  /** Starts over on what is before it now. */
  begin(): void {
    const before = this.#round;
    this.isAside = false;
    // First the new round, then the end of the old one: whoever is built on this car finds the new one in its place.
    this.#round = new Round(this.#findAhead(), () => this.begin());
    before?.end();
  }
}

/** One try of a car: from the merge onto the one before it to the landing. */
export class Round {
  /** The round that it is built on; undefined where that is the target itself. */
  readonly ahead: Round | undefined;
  readonly #over = new AbortController();
  readonly #withdrawn = new AbortController();
  readonly #built = Promise.withResolvers<string>();
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

  setBuilt(oid: string): void {
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
