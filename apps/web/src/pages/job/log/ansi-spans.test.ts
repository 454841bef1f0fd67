import { expect, test } from "vitest";
import { contrast, readable, spansOf } from "./ansi-spans.ts";

test("a line without colours is one piece", () => {
  expect(spansOf("<b>a</b>")).toMatchObject([{ text: "<b>a</b>", color: undefined }]);
  expect(spansOf("")).toEqual([]);
});

test("colours and decorations come as data", () => {
  expect(spansOf("a\x1b[0;1;32mgreen\x1b[0;3;4mlean\x1b[0m.")).toMatchObject([
    { text: "a" },
    { text: "green", bold: true, color: expect.stringMatching(/^rgb\(\d+ \d+ \d+\)$/) },
    { text: "lean", italic: true, line: "underline", color: undefined },
    { text: ".", bold: false },
  ]);
  expect(spansOf("\x1b[0;38;2;1;2;3mdark")[0]?.color).not.toBe("rgb(1 2 3)");
  expect(spansOf("\x1b[0;8mhidden")).toMatchObject([{ text: "hidden", line: "underline" }]);
  expect(spansOf("\x1b[0;7mturned")).toMatchObject([{ color: expect.any(String), background: expect.any(String) }]);
});

test.each([0, 40, 90, 128, 200, 255])("whatever is behind it, it can be read (%i)", (grey) => {
  for (const other of [0, 100, 128, 160, 255]) {
    const behind = [grey, grey, grey] as const;
    expect(contrast(readable([other, other, other], behind), behind)).toBeGreaterThanOrEqual(4.49);
  }
});
