/** Growing numbers, four bytes each. Those that give way at its beginning leave their places: a number's index does not change. */
export class NumberList {
  #numbers = new Uint32Array(64);
  #begin: number;
  #length = 0;

  /** `begin`: the index of the first number. */
  constructor(begin: number) {
    this.#begin = begin;
  }

  /** Index of the first number that is there. */
  get begin(): number {
    return this.#begin;
  }

  /** Index behind the last one. */
  get end(): number {
    return this.#begin + this.#length;
  }

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Uint32Array(this.#length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = number;
    this.#length += 1;
  }

  at(index: number): number {
    return this.#numbers[index - this.#begin] ?? 0;
  }

  /** Index of the first number that is not below this one. */
  from(number: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return this.#begin + low;
  }

  dropBelow(number: number): void {
    const dropped = this.from(number) - this.#begin;
    if (dropped === 0) return;
    this.#numbers.copyWithin(0, dropped, this.#length);
    this.#length -= dropped;
    this.#begin += dropped;
  }
}
