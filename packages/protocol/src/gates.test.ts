import { expect, test } from "vitest";
import { concernedGates, type Gate, gatesSchema, needsOf, someGates } from "./gates.ts";

function gatesOf(...gates: Array<Partial<Gate> & { name: string }>): Gate[] {
  return gatesSchema.parse(gates.map((gate) => ({ run: "true", ...gate })));
}

/** Of the globs only what these tests need: a folder, or a path. */
const matcherOf = (globs: readonly string[]) => (path: string) => globs.some((glob) => path === glob || path.startsWith(`${glob}/`));

test("a gate of a stage comes after all of the nearest stage before it; its own needs win, and without either it needs nothing", () => {
  const gates = gatesOf(
    { name: "pack", stage: "build" },
    { name: "unit", stage: "test" },
    { name: "style", stage: "lint" },
    { name: "types", stage: "lint" },
    { name: "quick", stage: "test", needs: [] },
    { name: "plain" },
  );
  const needs = Object.fromEntries(gates.map(({ name }) => [name, needsOf(gates, name)]));
  expect(needs).toEqual({ pack: ["unit", "quick"], unit: ["style", "types"], style: [], types: [], quick: [], plain: [] });
  expect(needsOf(gatesOf({ name: "pack", stage: "build" }, { name: "style", stage: "lint" }), "pack")).toEqual(["style"]);
});

test("needs and stages together must not go round in a circle", () => {
  const circle = [
    { name: "style", run: "true", stage: "lint", needs: ["unit"] },
    { name: "unit", run: "true", stage: "test" },
  ];
  expect(gatesSchema.safeParse(circle).error?.issues.map(({ path, message }) => [path.join("."), message])).toEqual([
    ["0.needs", "expected gates that do not need style themselves"],
    ["1.stage", "expected gates that do not need unit themselves"],
  ]);
});

test.each([
  [["docs/a"], ["docs", "after"]],
  [["src/a"], ["code", "after"]],
  [
    ["docs/a", "src/b"],
    ["docs", "code", "after"],
  ],
  [[".slipway.yaml"], ["docs", "code", "after"]],
  [undefined, ["docs", "code", "after"]],
  [[], ["after"]],
])("a change of %j concerns %j", (changed, names) => {
  const gates = gatesOf({ name: "docs", paths: ["docs"] }, { name: "code", ignore: ["docs"] }, { name: "after", needs: ["docs", "code"] });
  const concerned = concernedGates(gates, changed, matcherOf).map(({ name }) => name);
  // Whatever the paths are, what has no filter runs.
  expect(concerned).toEqual(names);
});

test("a gate whose need is left out comes behind what that one needs", () => {
  const gates = gatesOf({ name: "a" }, { name: "b", needs: ["a"] }, { name: "c", needs: ["b"] });
  expect(someGates(gates, new Set(["a", "c"])).map(({ name, needs }) => [name, needs])).toEqual([
    ["a", undefined],
    ["c", ["a"]],
  ]);
});

test.each(["../x", "/abs", "!not", "a\nb", ""])("%j is no path of a gate", (glob) => {
  expect(gatesSchema.safeParse([{ name: "a", run: "true", paths: [glob] }]).success).toBe(false);
});
