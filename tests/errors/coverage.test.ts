import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ERROR_CODES, ERRORS, type ErrorRow } from "@slipway/protocol/errors";
import { describe, expect, test } from "vitest";
import { slipwayProgram } from "../../apps/cli/src/program.ts";
import { allOptions, unknownCommandsIn } from "../../scripts/docs/command-mentions.ts";
import { expectedCodes } from "./expectations.ts";
import { NOT_RAISED_YET, PROVOKED } from "./provoked.ts";

const root = join(import.meta.dirname, "../..");

/** The program's own source, without its tests and without the table. */
async function sources(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const path of glob("{apps,backends,packages}/*/src/**/*.ts", { cwd: root })) {
    if (path.endsWith(".test.ts") || path === "packages/protocol/src/errors.ts") continue;
    found.set(path, await readFile(join(root, path), "utf8"));
  }
  return found;
}

describe("every code of the table", () => {
  test("is provoked by a test, or waits for what will raise it", () => {
    const listed = [...Object.keys(PROVOKED), ...Object.keys(NOT_RAISED_YET)];
    expect(listed.toSorted()).toEqual([...ERROR_CODES].toSorted());
  });

  test.each(Object.entries(PROVOKED))("%s is expected in %s", async (code, file) => {
    expect([...expectedCodes(file, await readFile(join(root, file), "utf8"), ERROR_CODES)]).toContain(code);
  });

  test("is raised by the program; those that wait are not", async () => {
    const all = [...(await sources()).values()].join("\n");
    const unraised = ERROR_CODES.filter((code) => !new RegExp(`"${code}"`).test(all));
    expect(unraised.toSorted()).toEqual(Object.keys(NOT_RAISED_YET).toSorted());
  });
});

describe("what a failure says to do", () => {
  const program = slipwayProgram();
  const options = allOptions(program);

  /** Commands in code, and options that stand alone, which are those of any command. */
  const problemsIn = (text: string): string[] => {
    const code = [...text.matchAll(/\\?`(slipway [^`\\]*)\\?`/g)].map(([, command = ""]) => command.replace(/\$\{[^}]*\}/g, "VALUE"));
    return code.flatMap((command) => unknownCommandsIn(program, command));
  };

  test.each(Object.entries<ErrorRow>(ERRORS))("%s names commands and options that are there", (_, { message, hint }) => {
    expect(problemsIn(`${message} ${hint}`)).toEqual([]);
    for (const [option] of hint.replace(/`[^`]*`/g, "").matchAll(/--[a-z][a-z-]*/g)) expect(options).toContain(option);
  });

  test("anywhere in the program names commands and options that are there", async () => {
    const found = [...(await sources())].flatMap(([path, text]) => problemsIn(text).map((problem) => `${path}: ${problem}`));
    expect(found).toEqual([]);
  });

  test("that is not there would be found", () => {
    expect(problemsIn("Type \\`slipway frob 7\\`, or `slipway jobs --frob`.")).toEqual([
      "slipway has no command `frob`",
      "`slipway jobs` has no option `--frob`",
    ]);
    expect(
      expectedCodes("a.ts", 'const a = "X_Y"; test("X_Y", () => { expect(a).toBe(1); expect(b).rejects.toMatchObject({ code: "Z" }); });', ["X_Y", "Z"]),
    ).toEqual(new Set(["Z"]));
  });
});
