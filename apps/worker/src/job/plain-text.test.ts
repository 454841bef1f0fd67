import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutToBytes, lastLines, plainText } from "./plain-text.ts";

describe("plainText", () => {
  it.each([
    ["\x1b[1m\x1b[31mred\x1b[39m\x1b[22m", "red"],
    ["\x1b]8;;https://example.org\x07link\x1b]8;;\x07", "link"],
    ["\x1b]0;title without an end\nnext", "0;title without an end\nnext"],
    ["10%\r20%\r100%\r\ndone", "100%\ndone"],
    ["gone\r\r\n", "gone\n"],
    ["a\x00b\x08c\ttab", "abc\ttab"],
  ])("%j is %j", (output, plain) => {
    expect(plainText(output)).toBe(plain);
  });
});

describe("cutToBytes", () => {
  it("never cuts inside a character and never gives more than asked for", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(100), (text, limitBytes) => {
        const cut = cutToBytes(text, limitBytes);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(limitBytes);
        expect(text.startsWith(cut)).toBe(true);
      }),
    );
  });
});

describe("lastLines", () => {
  it("skips empty lines", () => {
    expect(lastLines("a\n\nb\n\n\nc\n", 2, 100)).toBe("b\nc");
    expect(lastLines("a\nbcdef", 2, 3)).toBe("def");
  });
});
