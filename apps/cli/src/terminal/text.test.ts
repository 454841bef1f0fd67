import fc from "fast-check";
import { expect, test } from "vitest";
import { columnsOf, cut, padTo, wrap } from "./text.ts";

test.each([
  ["plain", 5],
  ["Grüße", 5],
  ["e\u0301", 1],
  ["日本語", 6],
  ["🎉", 2],
  ["👩‍👩‍👧", 2],
  ["→ ✓ …", 5],
  ["", 0],
])("%s takes %i columns", (text, columns) => expect(columnsOf(text)).toBe(columns));

test("cut and padded text takes the columns it is given", () => {
  expect(cut("日本語のタイトル", 7)).toBe("日本語…");
  expect(padTo("🎉", 4)).toBe("🎉  ");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 30 }), (text, width) => {
      expect(columnsOf(cut(text, width))).toBeLessThanOrEqual(width);
    }),
  );
});

test("wrapped lines fit, and nothing but spaces is lost", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 2, max: 30 }), (text, width) => {
      const lines = wrap(text, width);
      for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(width);
      expect(lines.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
    }),
  );
});
