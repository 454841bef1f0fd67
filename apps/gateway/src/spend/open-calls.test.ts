import { expect, test } from "vitest";
import { OpenCalls } from "./open-calls.ts";

const never = new AbortController().signal;

test("a settled call wakes those of the same attempt", async () => {
  const calls = new OpenCalls();
  calls.begin("a");
  calls.begin("b");
  const woken: string[] = [];
  const waiting = ["a", "a", "b"].map((token) => calls.next(token, calls.settled(token), never).then(() => woken.push(token)));
  calls.end("a");
  await Promise.all(waiting.slice(0, 2));
  expect(woken).toEqual(["a", "a"]);
  calls.end("b");
  await Promise.all(waiting);
});

test("a call that was settled while the server was asked is not missed", async () => {
  const calls = new OpenCalls();
  calls.begin("a");
  calls.begin("a");
  const seen = calls.settled("a");
  calls.end("a");
  await calls.next("a", seen, never);
  calls.end("a");
  expect(calls.settled("a")).toBe(0);
});

test("a wait ends with its signal", async () => {
  const calls = new OpenCalls();
  const controller = new AbortController();
  const waiting = calls.next("a", 0, controller.signal);
  controller.abort();
  await waiting;
  await calls.next("a", 0, controller.signal);
});
