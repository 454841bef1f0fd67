import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { branchSchema, oidSchema } from "./scalars.ts";

function gitAccepts(branch: string): boolean {
  try {
    execFileSync("git", ["check-ref-format", `refs/heads/${branch}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("what passes as a branch name is one for git too", () => {
  const piece = fc.constantFrom("a", "main", ".", "/", "-", "lock", ".lock", "@", "@{", "~", " ", "ü", "\\", "*", "..", "//", "\u0001");
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
      const branch = pieces.join("");
      if (branchSchema.safeParse(branch).success) expect(gitAccepts(branch), branch).toBe(true);
    }),
    { numRuns: 150 },
  );
});

test.each(["main", "slipway/fix-tests", "feature/ünï", "v1.2", "a-b_c"])("%s is a branch name", (branch) => {
  expect(branchSchema.safeParse(branch).success).toBe(true);
});

test("object ids are whole", () => {
  expect(oidSchema.safeParse("a".repeat(40)).success).toBe(true);
  expect(oidSchema.safeParse("a".repeat(64)).success).toBe(true);
  expect(oidSchema.safeParse("a".repeat(39)).success).toBe(false);
  expect(oidSchema.safeParse("A".repeat(40)).success).toBe(false);
});
