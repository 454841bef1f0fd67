import { expect, test } from "vitest";
import { ReservedAhead } from "./reserved-ahead.ts";

const AMOUNTS = { inputTokens: 10, outputTokens: 20, costUsd: null };

function recording(): { ahead: ReservedAhead; freed: string[]; untilFreed: Promise<void> } {
  const freed: string[] = [];
  const { promise: untilFreed, resolve } = Promise.withResolvers<void>();
  const ahead = new ReservedAhead(async (callId) => {
    freed.push(callId);
    resolve();
  });
  return { ahead, freed, untilFreed };
}

test("an attempt has one at a time, and a call takes it", async () => {
  const { ahead, freed } = recording();
  const asked = ahead.ask("a", AMOUNTS);
  expect(ahead.ask("a", AMOUNTS)).toBeUndefined();
  expect(ahead.ask("b", AMOUNTS)).toBeDefined();
  asked?.answered(10_000, 1_000);
  expect(await ahead.take("a")).toEqual({ ...asked?.wish, cassette: null, goodUntil: 11_000 });
  expect(await ahead.take("a")).toBeNull();
  expect(ahead.ask("a", AMOUNTS)?.wish.callId).not.toBe(asked?.wish.callId);
  expect(freed).toEqual([]);
});

test("who comes while it is asked for waits for the answer; a second one does not", async () => {
  const { ahead } = recording();
  const [made, refused] = [ahead.ask("a", AMOUNTS), ahead.ask("b", AMOUNTS)];
  const [first, second, other] = [ahead.take("a"), ahead.take("a"), ahead.take("b")];
  expect(await second).toBeNull();
  made?.answered(10_000, performance.now());
  refused?.answered(null, performance.now());
  expect((await first)?.callId).toBe(made?.wish.callId);
  expect(await other).toBeNull();
});

test("one that was not made leaves room for the next wish", () => {
  const { ahead } = recording();
  ahead.ask("a", AMOUNTS)?.answered(null, performance.now());
  expect(ahead.ask("a", AMOUNTS)).toBeDefined();
});

test("what nobody takes in its time is freed, and so is what is left at the end", async () => {
  const { ahead, freed, untilFreed } = recording();
  const [short, long, open] = [ahead.ask("a", AMOUNTS), ahead.ask("b", AMOUNTS), ahead.ask("c", AMOUNTS)];
  long?.answered(60_000, performance.now());
  short?.answered(1, performance.now());
  // The timer of the object itself keeps no process alive.
  const keeping = setTimeout(() => expect.fail("nothing was freed"), 10_000);
  await untilFreed;
  clearTimeout(keeping);
  expect(freed).toEqual([short?.wish.callId]);
  ahead.close();
  expect(await ahead.take("b")).toBeNull();
  await expect.poll(() => freed).toEqual([short?.wish.callId, long?.wish.callId]);
  expect(open).toBeDefined();
});
