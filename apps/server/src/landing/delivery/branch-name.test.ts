import { execFileSync } from "node:child_process";
import { BRANCH_VARIABLES } from "@slipway/protocol/landing-modes";
import { branchSchema } from "@slipway/protocol/scalars";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type BranchValues, branchName, branchValues } from "./branch-name.ts";

const SAMPLE = {
  number: 12,
  title: "Mend the sail",
  backend: "codex",
  model: "big-1",
  ticket: "SEA-7",
  originalTicket: null,
  createdAt: Date.UTC(2026, 4, 3, 2, 1, 0),
};

test.each([
  ["slipway/{job}-{slug}", "slipway/12-mend-the-sail"],
  ["{ticket}/{slug}", "SEA-7/mend-the-sail"],
  ["{original_ticket}-{date}", "SEA-7-2026-05-03"],
  ["{backend}/{clanker}/{timestamp}", "codex/big-1/20260503020100"],
  ["feature//{slug}/", "feature/mend-the-sail"],
  ["{slug}.lock", "mend-the-sail"],
  ["HEAD", "slipway/HEAD"],
  ["refs/heads/{slug}", "slipway/refs/heads/mend-the-sail"],
  ["-{slug}-", "mend-the-sail"],
  ["a..b/{job}", "a.b/12"],
])("%s makes %s", (template, expected) => {
  expect(branchName(template, branchValues(SAMPLE))).toBe(expected);
});

test("an empty value leaves nothing behind", () => {
  const values = branchValues({ ...SAMPLE, ticket: null, model: null });
  expect(branchName("{ticket}-{slug}", values)).toBe("mend-the-sail");
  expect(branchName("{ticket}/{job}_{original_ticket}_x", values)).toBe("12_x");
  expect(branchName("{ticket}", values)).toBe("slipway/job");
  expect(branchName("{clanker}", values)).toBe("codex");
});

test("a revision has the ticket of the job that it revises as its original one", () => {
  expect(branchName("{ticket}/{original_ticket}", branchValues({ ...SAMPLE, ticket: "SEA-8", originalTicket: "SEA-7" }))).toBe("SEA-8/SEA-7");
});

const wild = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom("/", ".", "-", "_", "~", "^", ":", "?", "*", "[", "@", "{", "\\", " ", "\n", "a", "ä", ".lock", "..", "@{", "HEAD"),
    maxLength: 40,
  }),
  fc.constantFrom("", "HEAD", "refs", "x".repeat(300), "a/../../b", "--upload-pack=x", "$(id)", "f".repeat(40)),
);
const templates = fc
  .array(
    fc.oneof(
      fc.constantFrom(...BRANCH_VARIABLES).map((name) => `{${name}}`),
      wild.map((text) => text.replace(/[{}]/g, "")),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.join(""));
const valuesOf: fc.Arbitrary<BranchValues> = fc.record(
  Object.fromEntries(BRANCH_VARIABLES.map((name) => [name, wild])) as Record<keyof BranchValues, fc.Arbitrary<string>>,
);

test("whatever stands in template and values, real git takes the name, no shell has to quote it, and it fits with a suffix", { timeout: 60_000 }, () => {
  const names = fc.sample(fc.tuple(templates, valuesOf), 300).map(([template, values]) => branchName(template, values));
  for (const name of names) {
    expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/);
    expect(name.length).toBeLessThanOrEqual(130);
    expect(branchSchema.safeParse(`${name}-100`).success, name).toBe(true);
  }
  // A shell at a time for many: what is printed is what git refuses.
  for (let from = 0; from < names.length; from += 100) {
    const script = 'for name in "$@"; do git check-ref-format --branch "$name" >/dev/null || echo "$name"; done';
    expect(execFileSync("sh", ["-c", script, "sh", ...names.slice(from, from + 100)], { encoding: "utf8", cwd: "/" })).toBe("");
  }
});
