import { expect, test } from "vitest";
import { LeaseClock } from "./lease-clock.ts";

function fakeClocks() {
  const now = { wall: 1_000_000, monotonic: 5_000 };
  let graces = 0;
  const clock = new LeaseClock(
    async () => {
      graces += 1;
    },
    { wallMs: () => now.wall, monotonicMs: () => now.monotonic },
  );
  const pass = async (wallMs: number, monotonicMs: number): Promise<boolean> => {
    now.wall += wallMs;
    now.monotonic += monotonicMs;
    return await clock.check();
  };
  return { pass, graces: () => graces };
}

test.each([
  ["an ordinary second", 1_000, 1_000, false],
  ["a little drift", 1_300, 1_000, false],
  ["the wall clock set forward", 3_600_000, 1_000, true],
  ["the wall clock set back", -3_600_000, 1_000, true],
  ["a machine that slept", 60_000, 1_000, true],
  ["a process that stood still", 12_000, 12_000, true],
])("%s", async (_, wall, monotonic, jumped) => {
  const { pass, graces } = fakeClocks();
  expect(await pass(wall, monotonic)).toBe(jumped);
  expect(graces()).toBe(jumped ? 1 : 0);
  // It is told once.
  expect(await pass(1_000, 1_000)).toBe(false);
});

test("a write during the grace waits for it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let monotonic = 0;
  const clock = new LeaseClock(() => promise, { wallMs: () => monotonic, monotonicMs: () => monotonic });
  monotonic = 20_000;
  const order: string[] = [];
  const first = clock.check().then(() => order.push("jump"));
  const second = clock.check().then(() => order.push("write"));
  order.push("grace");
  resolve();
  await Promise.all([first, second]);
  expect(order).toEqual(["grace", "jump", "write"]);
});
