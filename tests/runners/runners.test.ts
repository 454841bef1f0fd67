import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRun } from "../../apps/worker/src/gate-output/read-run.ts";
import { hasProgram, installRunners, PROJECTS, runProject } from "./projects.ts";

/** Real test runners, installed from the registries in pinned releases, on tiny projects: what is read of each is what happened. */

/** By project: passed, failed, skipped, where the runner tells. */
const ENDED: Readonly<Record<string, readonly [passed: number | undefined, failed: number, skipped: number]>> = {
  "node-spec": [3, 3, 1],
  "node-tap": [3, 3, 1],
  "node-junit": [3, 3, 1],
  vitest: [3, 4, 1],
  "vitest-verbose": [3, 4, 1],
  "vitest-junit": [3, 4, 1],
  "vitest-tap": [3, 4, 1],
  jest: [3, 4, 1],
  "jest-verbose": [3, 4, 1],
  "jest-junit": [3, 3, 1],
  mocha: [3, 3, 1],
  tape: [1, 1, 0],
  pytest: [3, 4, 1],
  "pytest-quiet": [3, 4, 1],
  "pytest-verbose": [3, 4, 1],
  "pytest-junit": [3, 4, 1],
  go: [undefined, 3, 0],
  "go-verbose": [2, 3, 1],
  "go-json": [2, 3, 1],
  cargo: [1, 2, 1],
};

// What no registry of packages has is tried where the machine has it; of the others the recordings are read in any case.
const there = PROJECTS.filter(({ needs }) => needs === undefined || hasProgram(needs));

describe("runners", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-runners-"));
    await installRunners(folder);
  }, 300_000);
  afterAll(async () => {
    if (folder !== "") await rm(folder, { recursive: true, force: true });
  });

  test.each(there)(
    "$name is read as it ended",
    async (project) => {
      const { output, root } = await runProject(folder, project);
      const run = readRun(output, root);
      const [passed, failed, skipped] = ENDED[project.name] ?? [];
      expect(run, output.toString()).toMatchObject({ passed, failed, skipped });
      expect(run?.failures).toHaveLength(failed ?? 0);
      for (const failure of run?.failures ?? []) {
        expect(failure.file, failure.name).toMatch(/^[a-z]/);
        expect(failure.line ?? 0, failure.name).toBeGreaterThan(0);
      }
    },
    120_000,
  );
});
