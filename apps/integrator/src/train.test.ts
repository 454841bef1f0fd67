import fc from "fast-check";
import { expect, test } from "vitest";
import { before } from "./before.ts";
import { type Car, type Round, Train } from "./train.ts";

function boarded(train: Train, ...names: string[]): Car[] {
  return names.map((name, index) => train.board(name, index + 1));
}

/** The rounds that a car is built on, nearest first. */
function baseOf(car: Car): Round[] {
  const rounds: Round[] = [];
  for (let round = car.round.ahead; round; round = round.ahead) rounds.push(round);
  return rounds;
}

test("each car is built on the one before it", async () => {
  const [a, b, c] = boarded(new Train(), "a", "b", "c") as [Car, Car, Car];
  expect(baseOf(c)).toEqual([b.round, a.round]);
  expect(a.round.ahead).toBeUndefined();
  a.round.setBuilt("oid a");
  expect(await b.round.ahead?.built).toBe("oid a");
});

test("a car that leaves has all behind it begin anew on the one before it, those before it do not notice", () => {
  const train = new Train();
  const [a, b, c, d] = boarded(train, "a", "b", "c", "d") as [Car, Car, Car, Car];
  const rounds = [a, b, c, d].map(({ round }) => round);
  train.leave(b);
  expect(rounds.map(({ over }) => over.aborted)).toEqual([false, true, true, true]);
  expect(a.round).toBe(rounds[0]);
  expect(baseOf(d)).toEqual([c.round, a.round]);
  expect(train.order).toEqual(["a", "c", "d"]);
});

test("a landing voids nothing", async () => {
  const train = new Train();
  const [a, b] = boarded(train, "a", "b") as [Car, Car];
  const round = b.round;
  train.landed(a);
  await round.ahead?.landed;
  expect(b.round).toBe(round);
  expect(round.over.aborted).toBe(false);
  train.rebuild(b);
  expect(b.round.ahead).toBeUndefined();
});

test("a car that steps aside goes on with its round, while those behind are built without it", () => {
  const train = new Train();
  const [a, b, c] = boarded(train, "a", "b", "c") as [Car, Car, Car];
  const round = b.round;
  train.stepAside(b);
  expect(b.round).toBe(round);
  expect(round.over.aborted).toBe(false);
  expect(baseOf(c)).toEqual([a.round]);
  expect(train.order).toEqual(["a", "(b)", "c"]);
  const built = c.round;
  train.toEnd(b);
  expect(c.round).toBe(built);
  expect(baseOf(b)).toEqual([c.round, a.round]);
  expect(train.order).toEqual(["a", "c", "b"]);
});

test("a car that comes back to its place has those behind it begin anew on it", () => {
  const train = new Train();
  const [a, b, c] = boarded(train, "a", "b", "c") as [Car, Car, Car];
  train.leave(b);
  const round = a.round;
  const back = train.board("b", 2);
  expect(train.order).toEqual(["a", "b", "c"]);
  expect(baseOf(c)).toEqual([back.round, a.round]);
  expect(a.round).toBe(round);
});

test("what stepped aside because of a car before it returns to its place when that one goes", () => {
  const train = new Train();
  const [a, b, c, d] = boarded(train, "a", "b", "c", "d") as [Car, Car, Car, Car];
  train.stepAside(c);
  expect(baseOf(d)).toEqual([b.round, a.round]);
  train.stepAside(b);
  expect(train.order).toEqual(["a", "(b)", "c", "d"]);
  expect(baseOf(d)).toEqual([c.round, a.round]);
});

test("whatever happens, a car that is not aside is built on the nearest such car before it, or on what has landed since", () => {
  const act = fc.tuple(fc.constantFrom("board", "stepAside", "toEnd", "landed", "leave", "rebuild"), fc.nat(20));
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const train = new Train();
      let cars: Car[] = [];
      let boardings = 0;
      const landed = new Set<Round>();
      for (const [verb, pick] of acts) {
        const car = cars[pick % Math.max(1, cars.length)];
        if (verb === "board") {
          boardings += 1;
          cars.push(train.board(String(boardings), boardings));
        } else if (!car) continue;
        else if (verb === "stepAside") train.stepAside(car);
        else if (verb === "toEnd") {
          if (!car.isAside) continue;
          cars = [...cars.filter((one) => one !== car), car];
          train.toEnd(car);
        } else if (verb === "rebuild") {
          // It is found out when it is to land.
          if (car !== cars.find(({ isAside }) => !isAside)) continue;
          train.rebuild(car);
        } else if (verb === "leave") {
          cars = cars.filter((one) => one !== car);
          train.leave(car);
        } else {
          // Only the first of those that are not aside lands.
          if (car !== cars.find(({ isAside }) => !isAside)) continue;
          cars = cars.filter((one) => one !== car);
          landed.add(car.round);
          train.landed(car);
        }
        for (const [index, one] of cars.entries()) {
          if (one.isAside) continue;
          expect(one.round.over.aborted).toBe(false);
          const nearest = cars.slice(0, index).findLast(({ isAside }) => !isAside);
          const { ahead } = one.round;
          if (nearest) expect(ahead).toBe(nearest.round);
          else if (ahead) expect(landed.has(ahead)).toBe(true);
        }
      }
      expect(train.order.length).toBe(cars.length);
    }),
    { numRuns: 300 },
  );
});

test("waiting ends with the signal's reason, before or while it waits", async () => {
  const stop = new AbortController();
  expect(await before(stop.signal, Promise.resolve(1))).toBe(1);
  const waiting = before(stop.signal, new Promise(() => undefined));
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(before(stop.signal, Promise.resolve(1))).rejects.toThrow("enough");
});
