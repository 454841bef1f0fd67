import { expect, test } from "vitest";
import { together, untilAborted } from "./together.ts";

test("both results come, in their order", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const both = together(
    undefined,
    () => promise,
    async () => {
      resolve(1);
      return 2;
    },
  );
  expect(await both).toEqual([1, 2]);
});

test("the first failure is thrown, after the other has seen its abort and ended", async () => {
  let ended = false;
  const other = async (signal: AbortSignal): Promise<void> => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await new Promise(setImmediate);
    ended = true;
    throw new Error("the second");
  };
  const first = async (): Promise<void> => {
    throw new Error("the first");
  };
  await expect(together(undefined, other, first)).rejects.toThrow("the first");
  expect(ended).toBe(true);
});

test("an abort from outside reaches both", async () => {
  const outside = new AbortController();
  const untilAborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  const both = together(outside.signal, untilAborted, untilAborted);
  outside.abort(new Error("enough"));
  await expect(both).rejects.toThrow("enough");
});

test("whoever waits for another's work stops with the signal, and hears of the work's own end", async () => {
  const patience = new AbortController();
  const { promise, reject } = Promise.withResolvers<string>();
  const waiting = untilAborted(promise, patience.signal);
  patience.abort(new Error("no patience"));
  await expect(waiting).rejects.toThrow("no patience");
  reject(new Error("nobody hears this"));
  const { signal } = new AbortController();
  await expect(untilAborted(Promise.resolve("done"), signal)).resolves.toBe("done");
  await expect(untilAborted(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
});
