import { defineConfig } from "vitest/config";

/** Suites that need more than Node and git, or minutes; `.ci/run` calls each by its own config entry. */
const heavy = ["tests/scenarios/**", "tests/faults/**", "tests/agents/**", "tests/docker/**"];

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
