import { join } from "node:path";
import { defineConfig } from "vitest/config";

// The threads and processes that tests start find their code compiled: half of the processor's time of those that open many stores.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules/.cache/compiled");

/** Suites that need more than Node and git, or minutes; `.ci/run` calls each by its own config entry. */
const heavy = [
  "tests/scenarios/**",
  "tests/faults/**",
  "tests/agents/**",
  "tests/installation/**",
  "tests/docker/**",
  "tests/escape/**",
  "tests/runners/**",
  "tests/web/**",
];

export default defineConfig({
  test: {
    include: ["{apps,backends,packages}/**/src/**/*.test.ts", "tests/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...(process.env["SLIPWAY_HEAVY"] === "1" ? [] : heavy)],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
