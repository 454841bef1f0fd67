import type { Command } from "commander";
import { expect, test } from "vitest";
import { EXAMPLES, leafCommands } from "./examples.ts";
import { slipwayProgram } from "./program.ts";

const PATHS = leafCommands(slipwayProgram()).map(({ path }) => path);

test("every command has an example, and every example a command", () => {
  expect(Object.keys(EXAMPLES).toSorted()).toEqual(PATHS.toSorted());
});

test.each(Object.entries(EXAMPLES).flatMap(([path, lines]) => lines.map((line) => [line, path] as const)))("%s", async (line, path) => {
  expect(await commandOf(wordsOf(line))).toBe(path);
});

/** The words of the example's `slipway` call, as a shell would hand them over. */
function wordsOf(line: string): string[] {
  const call = /slipway ([^|>)]*)/.exec(line)?.[1] ?? "";
  return Array.from(call.matchAll(/"([^"]*)"|([^\s"]+)/g), (match) => match[1] ?? match[2] ?? "");
}

/** The command that commander would run with these words; what it does not take is thrown. */
async function commandOf(words: readonly string[]): Promise<string> {
  const program = slipwayProgram();
  let path = "";
  for (const leaf of leafCommands(program)) {
    const found = (): void => {
      path = leaf.path;
    };
    (leaf.command as Command).action(found);
  }
  await program.parseAsync([...words], { from: "user" });
  return path;
}
