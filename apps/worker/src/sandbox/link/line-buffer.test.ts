import fc from "fast-check";
import { expect, test } from "vitest";
import { LineBuffer } from "./line-buffer.ts";

test("lines come out whole, however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }).map((line) => line.replaceAll("\n", ""))), fc.integer({ min: 1, max: 9 }), (lines, size) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      const buffer = new LineBuffer(10_000);
      const out: string[] = [];
      for (let at = 0; at < bytes.length; at += size) out.push(...buffer.push(bytes.subarray(at, at + size)));
      expect(out).toEqual(lines.map((line) => Buffer.from(line).toString()));
    }),
  );
});

test("a line beyond the limit is refused, in one piece or byte by byte", () => {
  expect(() => [...new LineBuffer(100).push(Buffer.alloc(101, 65))]).toThrow(RangeError);
  const buffer = new LineBuffer(100);
  expect(() => {
    for (let count = 0; count <= 100; count += 1) for (const line of buffer.push(Buffer.from("a"))) throw new Error(line);
  }).toThrow(RangeError);
});
