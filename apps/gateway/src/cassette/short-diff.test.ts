import { expect, test } from "vitest";
import { shortDiff } from "./short-diff.ts";

test("only what differs is shown, without what is alike around it", () => {
  expect(shortDiff(["a", "b", "c"], ["a", "b", "c"])).toEqual([]);
  expect(shortDiff(["a", "b", "c"], ["a", "x", "y", "c"])).toEqual(["- b", "+ x", "+ y"]);
  expect(shortDiff(["a", "c"], ["a", "b", "c"])).toEqual(["+ b"]);
  expect(shortDiff(["a", "a"], ["a"])).toEqual(["- a"]);
});

test("much is cut, and says how much", () => {
  const lines = Array.from({ length: 10 }, (_, index) => `line ${index}`);
  expect(shortDiff(lines, [])).toEqual([...lines.slice(0, 6).map((line) => `- ${line}`), "- … 4 more"]);
});

test("of a long line the part that differs is shown, with its path", () => {
  const long = (word: string): string => `input[0].content: ${"x".repeat(5_000)}${word}${"y".repeat(5_000)}`;
  const [gone = "", came = ""] = shortDiff([long("one")], [long("two")]);
  expect(gone).toMatch(/^- input\[0\]\.content: …x{40}oney+…$/);
  expect(came).toMatch(/^\+ input\[0\]\.content: …x{40}twoy+…$/);
  expect(gone.length).toBeLessThan(250);
});
