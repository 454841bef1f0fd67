import { expect, test } from "vitest";
import { parseRepositoryConfig } from "./repository-config.ts";

function problemOf(text: string): unknown {
  try {
    parseRepositoryConfig(text);
  } catch (error) {
    return error;
  }
  return undefined;
}

test("an empty file means the defaults", () => {
  expect(parseRepositoryConfig("")).toMatchObject({ version: 1, gates: [], repairs: 3, scope: { allow: ["**"], deny: [] } });
});

test.each([
  ["an unknown key", "version: 1\nsetpu:\n  commands: []\n", { line: 2, column: 1, key: "setpu", expected: "no such key exists here" }],
  ["a wrong type in a list", "gates:\n  - name: ok\n    run: x\n  - name: test\n    run: 5\n", { line: 5, column: 5, key: "gates.1.run" }],
  ["a missing key", "gates:\n  - name: test\n", { line: 2, column: 5, key: "gates.0.run" }],
  ["a number out of range", "repairs: 99\n", { line: 1, column: 1, key: "repairs" }],
  ["gates of one name", "gates:\n  - {name: a, run: x}\n  - {name: a, run: y}\n", { line: 1, column: 1, key: "gates", expected: "gate names must differ" }],
  ["what is not YAML", "gates: [\n", { line: 2, key: "" }],
  ["a list at the top", "- a\n", { key: "" }],
])("%s", (_, text, problem) => {
  expect(problemOf(text)).toMatchObject({ code: "INVALID_CONFIG", details: { file: ".slipway.yaml", ...problem } });
});

test("aliases cannot blow it up", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
    .split("")
    .map((name, index) => `${name}: &${name} [${`*${"abcdefg"[index]},`.repeat(9)}]`)
    .join("\n")}\n`;
  expect(problemOf(bomb)).toMatchObject({ code: "INVALID_CONFIG" });
});
