import { branchSchema, newId } from "@slipway/protocol/scalars";
import { titleOf } from "@slipway/protocol/title-words";
import fc from "fast-check";
import { expect, test } from "vitest";
import { targetOf } from "./names.ts";

test("the title is the first line that says something", () => {
  expect(titleOf("\n \n  Fix it \nplease")).toBe("Fix it");
  expect(titleOf("x".repeat(300))).toHaveLength(100);
});

test("any title makes a branch name", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (title) => branchSchema.safeParse(targetOf(title, newId())).success));
  expect(targetOf("Fix the Größe of ~^: things…", "00000000-0000-7000-8000-000000abcdef")).toBe("slipway/fix-the-gro-e-of-things-abcdef");
  expect(targetOf("修复", "00000000-0000-7000-8000-000000abcdef")).toBe("slipway/job-abcdef");
});
