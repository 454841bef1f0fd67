import type { Store } from "../store/store.ts";

/** Remembers whether any circuit is open, so that an installation in which all is well does not ask the store at each job. This process is the only writer. */
export class CircuitWatch {
  readonly #store: Pick<Store, "listCircuits">;
  #isAnyOpen = false;

  constructor(store: Pick<Store, "listCircuits">) {
    this.#store = store;
  }

  /** Then a worker that can take a job by its capabilities may have to leave it to another one. */
  get isAnyOpen(): boolean {
    return this.#isAnyOpen;
  }

  /** Asks the store; at the start, and whenever an attempt may have opened or closed one. */
  async look(): Promise<void> {
    this.#isAnyOpen = (await this.#store.listCircuits()).length > 0;
  }
}
