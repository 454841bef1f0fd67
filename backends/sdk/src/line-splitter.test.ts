import { expect, test } from "vitest";
import { LineSplitter } from "./line-splitter.ts";

function split(chunks: string[], limitBytes = 10) {
  const lines: string[] = [];
  let tooLong = 0;
  const splitter = new LineSplitter(
    limitBytes,
    (line) => lines.push(line),
    () => {
      tooLong += 1;
    },
  );
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.end();
  return { lines, tooLong };
}

test("lines come whole, however they were cut on the way", () => {
  const text = "one\n\ntwo ä\nthree";
  for (let size = 1; size < text.length; size += 1) {
    const chunks = text.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];
    expect(split(chunks)).toEqual({ lines: ["one", "two ä", "three"], tooLong: 0 });
  }
});

test("a line over the limit is left out, the next one is not", () => {
  expect(split(["0123456789\n", "0123456789a", "bc", "\nok\n", "0123456789ab"])).toEqual({ lines: ["0123456789", "ok"], tooLong: 2 });
});
