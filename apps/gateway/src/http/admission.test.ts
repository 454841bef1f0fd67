import { expect, test } from "vitest";
import { Door } from "./admission.ts";

test("one attempt cannot take all places, and gives them back", () => {
  const door = new Door();
  const places = Array.from({ length: 64 }, () => door.admit("a"));
  const busy = expect.objectContaining({ code: "GATEWAY_UNAVAILABLE" });
  expect(() => door.admit("a")).toThrow(busy);
  using _ = door.admit("b");
  for (const place of places) place[Symbol.dispose]();
  for (const _ of places) door.admit("a");
  expect(() => door.admit("a")).toThrow(busy);
});

test("all together have a bound on requests and on bytes", () => {
  const door = new Door();
  const places = Array.from({ length: 512 }, (_, index) => door.admit(String(index)));
  const busy = expect.objectContaining({ code: "GATEWAY_UNAVAILABLE" });
  expect(() => door.admit("x")).toThrow(busy);
  const [first, second] = places;
  first?.hold(400 * 1_048_576);
  expect(() => second?.hold(200 * 1_048_576)).toThrow(busy);
  first?.[Symbol.dispose]();
  second?.hold(200 * 1_048_576);
});
