import type { FileDiff, Line } from "@slipway/git/diff";
import fc from "fast-check";
import { expect, test } from "vitest";
import { diffText } from "./diff-text.ts";

function fileOf(path: string, before: readonly string[], after: readonly string[], changed: { removed: number[]; added: number[] }): FileDiff {
  const pick = (lines: readonly string[], numbers: readonly number[]): Line[] => numbers.map((number) => ({ number, text: lines[number - 1] ?? "" }));
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
  return {
    ...{ path, status: "modified", mode: "100644", sizeBytes: 1, isBinary: false, isTooLarge: false },
    ...{ before: text(before), after: text(after), removed: pick(before, changed.removed), added: pick(after, changed.added) },
  };
}

const count = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);

test("lines have the number of the side that they are of, and what is far from a change is left out", () => {
  const before = count(1, 40);
  const after = before.with(19, "twenty").toSpliced(20, 0, "twenty and a half");
  const { text, cut } = diffText([fileOf("a.txt", before, after, { removed: [20], added: [20, 21] })], 100_000);
  const lines = text.split("\n");
  expect(lines[0]).toBe("## a.txt (modified, +2 -1)");
  expect(lines.slice(1, 3)).toEqual(["    12 line 12", "    13 line 13"]);
  expect(lines).toContain("-   20 line 20");
  expect(text).toContain("+   20 twenty\n+   21 twenty and a half\n    22 line 21");
  expect(lines.at(-1)).toBe("  …");
  expect(cut).toEqual([]);
});

test("an added and a deleted file, one without a line feed at its end, and one that is binary", () => {
  const nothing: FileDiff = { ...fileOf("new.txt", [], ["one"], { removed: [], added: [1] }), status: "added", before: undefined, after: "one" };
  const gone: FileDiff = { ...fileOf("old.txt", ["one", "two"], [], { removed: [1, 2], added: [] }), status: "deleted", after: undefined };
  const binary: FileDiff = { ...nothing, path: "a.png", isBinary: true, sizeBytes: 70, before: undefined, after: undefined, added: [] };
  const { text } = diffText([nothing, gone, binary], 10_000);
  expect(text).toBe("## new.txt (added, +1 -0)\n+    1 one\n\n## old.txt (deleted, +0 -2)\n-    1 one\n-    2 two\n\n## a.png (added, binary, 70 bytes)");
});

test("small files are shown whole before large ones are cut, and what is cut is told", () => {
  const large = fileOf("large.txt", [], count(1, 5_000), { removed: [], added: count(1, 5_000).map((_, index) => index + 1) });
  const small = fileOf("small.txt", [], ["one"], { removed: [], added: [1] });
  const { text, cut } = diffText([large, small], 5_000);
  expect(Buffer.byteLength(text)).toBeLessThan(5_200);
  expect(text).toContain("+    1 one");
  expect(text).toMatch(/more lines are not shown: the change is too large/);
  expect(cut).toEqual([expect.stringMatching(/^large\.txt: \d+ lines of its change are not shown/)]);
});

test("however many files there are, each is named, and the text stays near its limit", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 20 }), fc.integer({ min: 1_000, max: 20_000 }), (sizes, limit) => {
      const files = sizes.map((size, index) => fileOf(`f${index}`, [], count(1, size), { removed: [], added: count(1, size).map((_, at) => at + 1) }));
      const { text, cut } = diffText(files, limit);
      for (const { path } of files) expect(text).toContain(`## ${path} (`);
      expect(Buffer.byteLength(text)).toBeLessThan(limit + files.length * 100);
      for (const file of files) expect(cut.some((line) => line.startsWith(`${file.path}: `))).toBe(new RegExp(`## ${file.path} [^#]*not shown`).test(text));
    }),
    { numRuns: 50 },
  );
});
