import { expect, test } from "vitest";
import { piecesOf } from "./pieces.ts";
import { patternOf } from "./search.ts";

const shown = (line: string, words: string) => piecesOf(line, patternOf(words)).pieces.map(({ text, isFound }) => (isFound ? `[${text}]` : text));

test("what is found is marked, over colours too", () => {
  expect(shown("one two one", "ONE")).toEqual(["[one]", " two ", "[one]"]);
  expect(shown("a\x1b[0;31mbc\x1b[0md", "bcd")).toEqual(["a", "[bc]", "[d]"]);
  expect(shown("abab", "ab")).toEqual(["[ab]", "[ab]"]);
  expect(shown("nothing", "x")).toEqual(["nothing"]);
});

test("a long line is cut, at no half character or sequence", () => {
  expect(piecesOf("x".repeat(1_000_000), undefined)).toMatchObject({ pieces: [{ text: "x".repeat(10_000) }], hidden: 990_000 });
  expect(piecesOf(`${"x".repeat(9_999)}🚢🚢`, undefined)).toMatchObject({ pieces: [{ text: "x".repeat(9_999) }], hidden: 4 });
  const { pieces, hidden } = piecesOf(`${"x".repeat(9_997)}\x1b[0;31mred`, undefined);
  expect(pieces.map(({ text }) => text).join("")).toBe("x".repeat(9_997));
  expect(hidden).toBe(3);
});
