import { expect, test } from "vitest";
import { LINE_LIMIT_CHARACTERS, LineBuilder } from "./line-builder.ts";
import { plainOf } from "./style.ts";

/** The lines of these pieces, and the one that is left open. */
function linesOf(...pieces: string[]): string[] {
  const lines: string[] = [];
  const builder = new LineBuilder();
  for (const piece of pieces) builder.push(piece, (line) => lines.push(line));
  builder.finish((line) => lines.push(line));
  return lines;
}
const plain = (...pieces: string[]): string[] => linesOf(...pieces).map(plainOf);

test.each([
  ["lines", "a\nb\n\nc", ["a", "b", "", "c"]],
  ["Windows' ends", "a\r\nb\r\n", ["a", "b"]],
  ["a progress bar", "10 %\r55 %\r100 %\ndone\n", ["100 %", "done"]],
  ["a shorter text over a longer one", "abcdef\rxy\n", ["xycdef"]],
  ["a shorter text that erases first", "abcdef\r\x1b[Kxy\n", ["xy"]],
  ["a line that is erased", "abcdef\x1b[2K\rxy\n", ["xy"]],
  ["a spinner", "|\b/\b-\bdone\n", ["done"]],
  ["a title and a link", "\x1b]0;evil\x07a \x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\\n", ["a link"]],
  ["device control", "a\x1bPq#0;1\x1b\\b\n", ["ab"]],
  ["cursor and screen", "a\x1b[2J\x1b[1;1H\x1b[?25l\x1b[3Ab\x1b(B\x1bc\n", ["ab"]],
  ["a title without end", "\x1b]0;never\nnext\n", ["", "next"]],
  ["control characters", "a\0b\x01c\x07d\x7f\n", ["a␀b␁cd␡"]],
  ["text that turns around", "a\u202eb\u2066c\n", ["a⟨U+202E⟩b⟨U+2066⟩c"]],
  ["an escape at the end", "a\x1b", ["a"]],
  ["malformed sequences", "\x1b[\x01a\x1b\x02b\n", ["[␁a␂b"]],
])("%s", (_, text, lines) => {
  expect(plain(text)).toEqual(lines);
  // Wherever the pieces are cut.
  expect(plain(...text)).toEqual(lines);
});

test("colours go on over lines and pieces, and each line stands for itself", () => {
  expect(linesOf("\x1b[3", "1mred\nstill\x1b[0m plain\n\x1b[1", ";38;5;208mx\n")).toEqual([
    "\x1b[0;31mred",
    "\x1b[0;31mstill\x1b[0m plain",
    "\x1b[0;1;38;5;208mx",
  ]);
  expect(linesOf("\x1b[32mabcdef\rxy\x1b[0m\n")).toEqual(["\x1b[0;32mxy\x1b[0;32mcdef"]);
});

test("a title that never ends is text again, and what is no colour changes none", () => {
  expect(plain(`\x1b]0;${"x".repeat(5_000)}\n`)).toEqual(["x".repeat(5_000 + 2 - 4_096)]);
  expect(linesOf("\x1b[38;5m\x1b[38;2;300;0;0m\x1b[99999ma\n")).toEqual(["a"]);
});

test("a line without end is broken", () => {
  const lines = linesOf(...Array.from({ length: 33 }, () => "x".repeat(65_536)));
  expect(lines.map(({ length }) => length)).toEqual([LINE_LIMIT_CHARACTERS, 65_536]);
});

test("a flood of carriage returns takes no longer than its length", () => {
  const began = performance.now();
  expect(plain(`${"x".repeat(100_000)}${"\r".repeat(100_000)}y\n`)).toEqual(["y"]);
  expect(performance.now() - began).toBeLessThan(2_000);
});
