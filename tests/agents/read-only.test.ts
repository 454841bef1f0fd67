import { readdir } from "node:fs/promises";
import { claudeCodeBackend } from "@slipway/backend-claude-code/backend";
import { residents } from "@slipway/backend-claude-code/claude-process";
import { codexBackend } from "@slipway/backend-codex/backend";
import type { BackendDefinition } from "@slipway/backend-sdk/backend";
import { createTestBench } from "@slipway/backend-sdk/test-kit";
import { afterEach, expect, test } from "vitest";
import { startModelServer } from "../support/model-server/server.ts";
import { TOKEN } from "./matrix/agent-bench.ts";
import { outcomeOf } from "./matrix/outcome.ts";

/** Read-only turns of real agents where no sandbox keeps them from writing: their own means do. In a sandbox its mount does (tests/pipeline/read-only). */

afterEach(() => residents.endAll());

const AGENTS: ReadonlyArray<readonly [string, BackendDefinition]> = [
  ["codex", codexBackend as unknown as BackendDefinition],
  ["claude-code", claudeCodeBackend as unknown as BackendDefinition],
];

test.each(AGENTS)("%s looks, and its model's commands change nothing", { timeout: 60_000 }, async (_, backend) => {
  await using server = await startModelServer({
    key: TOKEN,
    scenario: ({ step, toolResults }) => {
      if (step === 0) return { text: "I look.", shell: "cat README.md" };
      if (step === 1) return { text: "I write.", shell: "echo planted > planted.txt" };
      return { text: `Read ${/a tide table/.test(toolResults.join()) ? "it" : "nothing"}.` };
    },
  });
  await using bench = await createTestBench({ "README.md": "a tide table\n" });
  const run = { config: {}, prompt: "What is it?", model: { baseUrl: server.baseUrl, token: TOKEN } };
  const record = await bench.runTurn(backend, { ...run, readOnly: true });
  expect(record.result, JSON.stringify(record.events)).toEqual({ status: "done", finalText: "Read it." });
  expect(await readdir(bench.workspace)).toEqual(["README.md"]);
  // The same commands do write where the turn may.
  expect(outcomeOf(await bench.runTurn(backend, run))).toBe("done");
  expect(await readdir(bench.workspace)).toContain("planted.txt");
});
