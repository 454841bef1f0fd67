import fc from "fast-check";
import { expect, test } from "vitest";
import { before } from "./before.ts";
import { Step } from "./step.ts";
import { type Boarding, type Car, type Round, Train } from "./train.ts";

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
  a.round.setBuilt("oid a", null);
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
  train.landed(new Step([a]));
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
          train.landed(new Step([car]));
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

/** Cars that may be tested together, built at once. */
function builtTogether(train: Train, names: string, more: Partial<Boarding> = {}): Car[] {
  return [...names].map((name, index) => {
    const car = train.board(name, index + 1, { id: name, fence: 1, batchKey: "none", batch: 4, parallel: 2, ...more });
    car.round.setBuilt(`oid ${name}`, null);
    return car;
  });
}

async function stepsOf(train: Train, cars: readonly Car[]): Promise<string[]> {
  for (const car of cars) void train.stepOf(car);
  await Promise.resolve();
  await Promise.resolve();
  return cars.map(({ step }) => step?.cars.map(({ name }) => name).join("") ?? "-");
}

test("a step takes the cars that are there when a slot is free, as many as may; the rest waits for the next slot", async () => {
  const train = new Train();
  const cars = builtTogether(train, "abcdefghij");
  expect(await stepsOf(train, cars)).toEqual(
    [..."abcd"]
      .map(() => "abcd")
      .concat(
        [..."efgh"].map(() => "efgh"),
        ["-", "-"],
      ),
  );
  const first = await train.stepOf(cars[0] as Car);
  expect([first.last?.name, first.onto, first.batch.map(({ completion, mergedOid }) => `${completion} ${mergedOid}`)]).toEqual([
    "d",
    null,
    ["a oid a", "b oid b", "c oid c"],
  ]);
  train.tested(first);
  expect((await stepsOf(train, cars)).slice(8)).toEqual(["ij", "ij"]);
  train.landed(first);
  expect(train.order.join("")).toBe("efghij");
  expect(cars.slice(0, 4).every(({ hasLanded }) => hasLanded)).toBe(true);
  expect((await stepsOf(train, cars)).slice(4, 8)).toEqual([..."efgh"].map(() => "efgh"));
});

test("what must be tested alone is, and only cars of the same key are tested together", async () => {
  const train = new Train();
  const keys = ["none", "none", null, "bwrap", "none"];
  const cars = keys.map((batchKey, index) => train.board("abcde"[index] ?? "", index + 1, { id: "", fence: 1, batchKey, batch: 4, parallel: 9 }));
  for (const car of cars) car.round.setBuilt(car.name, null);
  expect(await stepsOf(train, cars)).toEqual(["ab", "ab", "c", "d", "e"]);
});

test("those that are being merged are waited for", async () => {
  const train = new Train();
  const [a, b] = [1, 2].map((place) => train.board("ab"[place - 1] ?? "", place, { id: "", fence: 1, batchKey: "none", batch: 4, parallel: 1 })) as [Car, Car];
  a.round.setBuilt("a", null);
  expect(await stepsOf(train, [a, b])).toEqual(["-", "-"]);
  b.round.setBuilt("b", "a");
  expect(await stepsOf(train, [a, b])).toEqual(["ab", "ab"]);
});

test("a red step makes way at once, and comes back behind all others in halves", async () => {
  const train = new Train();
  const cars = builtTogether(train, "abcdef");
  expect(await stepsOf(train, cars)).toEqual(["abcd", "abcd", "abcd", "abcd", "ef", "ef"]);
  const red = await train.stepOf(cars[0] as Car);
  train.stepAside(...red.cars);
  train.tested(red);
  const [a, b, c, d, e, f] = cars as [Car, Car, Car, Car, Car, Car];
  // Those behind are built without it, from the first on.
  expect([e.round.isBuilt, e.round.ahead, f.round.ahead]).toEqual([false, undefined, e.round]);
  expect([a, b, c, d].map(({ round }) => round.over.aborted)).toEqual([false, false, false, false]);
  train.split(red);
  expect(train.order.join("")).toBe("efabcd");
  expect(baseOf(d)).toEqual([c, b, a, f, e].map(({ round }) => round));
  for (const car of [e, f, a, b, c, d]) car.round.setBuilt(car.name, null);
  expect(await stepsOf(train, [e, f, a, b, c, d])).toEqual(["efab".slice(0, 2), "ef", "ab", "ab", "-", "-"]);
});

test("a car that leaves takes its step along: those before it keep their merges, those behind are built anew, and all are tested together again", async () => {
  const train = new Train();
  const cars = builtTogether(train, "abcd");
  await stepsOf(train, cars);
  const [a, b, c, d] = cars as [Car, Car, Car, Car];
  const step = await train.stepOf(a);
  const { round } = a;
  train.leave(b);
  expect([step.over.aborted, a.round, c.round.isBuilt]).toEqual([true, round, false]);
  expect(baseOf(d)).toEqual([c.round, a.round]);
  expect(await stepsOf(train, [a, c, d])).toEqual(["-", "-", "-"]);
  for (const car of [c, d]) car.round.setBuilt(car.name, null);
  expect(await stepsOf(train, [a, c, d])).toEqual(["acd", "acd", "acd"]);
});

test("a car that leaves a red step that is aside brings the others of it back", async () => {
  const train = new Train();
  const cars = builtTogether(train, "abcde");
  await stepsOf(train, cars);
  const [a, b, c, d, e] = cars as [Car, Car, Car, Car, Car];
  train.stepAside(a, b, c, d);
  expect([train.order.join(""), baseOf(e)]).toEqual(["(a)(b)(c)(d)e", []]);
  const { round } = e;
  train.leave(b);
  expect(train.order.join("")).toBe("eacd");
  expect(e.round).toBe(round);
  expect(baseOf(d)).toEqual([c.round, a.round, e.round]);
});

test("waiting ends with the signal's reason, before or while it waits", async () => {
  const stop = new AbortController();
  expect(await before(stop.signal, Promise.resolve(1))).toBe(1);
  const waiting = before(stop.signal, new Promise(() => undefined));
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(before(stop.signal, Promise.resolve(1))).rejects.toThrow("enough");
});
