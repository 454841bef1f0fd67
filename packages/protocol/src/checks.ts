import { z } from "zod";
import { nameSchema } from "./scalars.ts";

/** The deterministic judgements on a job's change: no model, no opinion, the same answer every time. */

/** What a finding of a check does: `error` refuses the change, `warning` is only told, `off` is not looked for. */
export const CHECK_LEVELS = ["error", "warning", "off"] as const;
export type CheckLevel = (typeof CHECK_LEVELS)[number];

/** Each check with its level where a repository says nothing else. */
export const CHECKS = {
  size: { level: "error", looksFor: "More files, lines or bytes in a file than `limits` allows." },
  secrets: { level: "error", looksFor: "Keys, tokens and passwords in added lines." },
  binaries: { level: "error", looksFor: "Programs, archives and other binary files that are no pictures, fonts or documents." },
  lockfiles: { level: "error", looksFor: "A lockfile that changes without its manifest, that is deleted, or that takes packages from another host." },
  generated: { level: "warning", looksFor: "Build outputs that are added, and edits of files that say that they are generated." },
  guarded: {
    level: "error",
    looksFor: "Changes of what judges the change: gates and the scripts that they run, settings of test runners and linters, CI, agents' instructions.",
  },
  whitespace: { level: "warning", looksFor: "Line endings that are converted, spaces at the end of added lines, a last line that loses its line feed." },
  conflicts: { level: "error", looksFor: "Markers of a merge that was not finished." },
  tests: { level: "error", looksFor: "Tests that are deleted, skipped, focused, emptied or weakened, and results that are hard-coded for one." },
  proof: { level: "off", looksFor: "New and changed tests that pass on the base too, and so prove nothing: the gates that run tests are run there with them." },
  coverage: {
    level: "off",
    looksFor: "Changed lines that no test runs, where a gate reports that (`coverage` of a gate): fewer than `limits.coveragePercent`.",
  },
} as const satisfies Record<string, { level: CheckLevel; looksFor: string }>;
/** A check that can be switched. */
export type CheckName = keyof typeof CHECKS;
/** Their names, in the order in which they are run. */
export const CHECK_NAMES = Object.keys(CHECKS) as [CheckName, ...CheckName[]];

/** Where tests are looked for when a repository says nothing else. */
export const TEST_PATHS = [
  ...["**/*.{test,spec}.*", "**/__tests__/**", "**/{test,tests,spec}/**"],
  ...["**/test_*.py", "**/*_test.py", "**/conftest.py", "**/*_test.go", "**/*_spec.rb", "**/*{Test,Tests,IT}.{java,kt,cs}"],
] as const;

/** What no change touches unless its job allows it; the scripts that gates run come to it. */
export const GUARDED_PATHS = [
  ...[
    ".slipway.yaml",
    ".slipway/**",
    ".github/**",
    ".gitlab-ci.yml",
    ".gitlab/**",
    ".circleci/**",
    "Jenkinsfile",
    "azure-pipelines.yml",
    ".husky/**",
    ".pre-commit-config.yaml",
  ],
  ...["**/AGENTS.md", "**/CLAUDE.md", "**/GEMINI.md", ".claude/**", ".codex/**", ".gemini/**", ".cursor/**", ".cursorrules", ".mcp.json", ".opencode/**"],
  ...["**/{vitest,jest,playwright,karma,ava,cypress}.config.*", "**/.mocharc.*", "**/{pytest,tox}.ini", "**/.coveragerc"],
  ...["**/eslint.config.*", "**/.eslintrc*", "**/.eslintignore", "**/biome.json*", "**/.golangci.*", "**/{ruff,.ruff}.toml", "**/.flake8", "**/clippy.toml"],
] as const;

const globsSchema = z.array(z.string().min(1).max(500)).max(200);
const levels = Object.fromEntries(CHECK_NAMES.map((name) => [name, z.enum(CHECK_LEVELS).default(CHECKS[name].level).describe(CHECKS[name].looksFor)])) as {
  [N in CheckName]: z.ZodDefault<z.ZodEnum<{ error: "error"; warning: "warning"; off: "off" }>>;
};

/** `checks` of a repository. */
export const checksSchema = z.strictObject({
  ...levels,
  limits: z
    .strictObject({
      files: z.int().min(1).default(500).describe("Most files that a change may touch."),
      lines: z.int().min(1).default(20_000).describe("Most lines that a change may add and remove together."),
      coveragePercent: z.number().min(0).max(100).default(80).describe("Least part of the changed lines that tests have to run, in percent."),
      fileKib: z.int().min(1).default(1_024).describe("Largest file that a change may leave, in KiB."),
    })
    .prefault({})
    .describe("What the checks `size` and `coverage` go by."),
  testPaths: globsSchema.default([...TEST_PATHS]).describe("Where the tests are, as globs."),
  proofGates: z
    .array(nameSchema)
    .max(50)
    .default([])
    .describe("Gates that run the tests, for the check `proof`; those with `test` or `spec` in their name where it is empty."),
  guardedPaths: globsSchema.default([...GUARDED_PATHS]).describe("What the check `guarded` holds, as globs; the scripts that gates run come to it."),
});
export type ChecksConfig = z.infer<typeof checksSchema>;
