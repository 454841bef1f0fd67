import { expect, test } from "vitest";
import { findUndone } from "./undone.ts";

const sides = { path: "a", base: "one\ntwo\nthree\n", target: "one\n2\nthree\n", own: "one\nzwei\nthree\n" };

test.each([
  ["both are there", { result: "one\n2 zwei\n2\nthree\n" }, undefined],
  ["the change's own side alone", { result: "one\nzwei\nthree\n" }, /as this change had the file before/],
  ["neither of them", { result: "one\nthree\n" }, /Of the line that landed on main meanwhile none is left/],
  ["the target's side alone", { result: "one\n2\nthree\n" }, undefined],
  ["others deleted the file, and it is back", { target: undefined, result: "one\nzwei\nthree\n" }, /as this change had the file before/],
  ["the change deleted the file, and others had written into it", { own: undefined, result: undefined }, /as this change had the file before/],
  ["others had changed nothing there", { target: sides.base, result: "one\nzwei\nthree\n" }, undefined],
  ["others had only taken lines away, and they stay away", { target: "one\nthree\n", result: "one\nzwo\nthree\n" }, undefined],
])("%s", (_, change, message) => {
  const findings = findUndone([{ ...sides, ...change }], "main");
  expect(findings).toEqual(message === undefined ? [] : [{ path: "a", message: expect.stringMatching(message), level: "warning" }]);
});
