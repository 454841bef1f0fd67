import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openAgentBench } from "../matrix/agent-bench.ts";
import { eventsOf, outcomeOf } from "../matrix/outcome.ts";
import { miniswe } from "./agent.ts";

const { finish: _, ...wordy } = miniswe;
const LIMIT = { timeout: 90_000 };

test("words alone are no end: the model is told so, and three such answers in a row fail the turn", LIMIT, async () => {
  await using bench = await openAgentBench(wordy, "direct", { turns: [{ steps: [{ text: "I am done." }] }] });
  const record = await bench.run();
  expect(record.result).toMatchObject({ failure: { code: "BACKEND_FAILED", details: { exitStatus: "RepeatedFormatError" } } });
  expect(bench.server.requests.modelCalls()).toHaveLength(3);
  expect(eventsOf(record, "usage")[0]).toMatchObject({ inputTokens: 3_000 });
});

test("AGENTS.md is in the prompt, a command's end is told, and what it left running holds nothing up", LIMIT, async () => {
  const files = { "AGENTS.md": "Speak like a harbour master {{ 7 * 7 }}.\n" };
  const shell = ["setsid sleep 300 & echo one; exit 3", "echo two > two.txt"];
  await using bench = await openAgentBench(miniswe, "direct", { turns: [{ steps: [{ text: "I look.", shell }, { text: "Done." }] }] }, { files });
  const record = await bench.run({ config: { commandTimeoutSeconds: 60 } });
  expect(record.result).toEqual({ status: "done", finalText: "Done." });
  expect(bench.server.requests.modelCalls()[0]?.model?.prompt).toContain("Speak like a harbour master {{ 7 * 7 }}.");
  expect(eventsOf(record, "tool-result").map(({ output, isError }) => [output, isError])).toEqual([
    ["exit 3\none\n", true],
    ["exit 0\n", false],
    ["exit 0\nCOMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT\n", false],
  ]);
  expect(record.logs.get("shell")).toContain("one\n");
  expect(await readFile(join(bench.workspace, "two.txt"), "utf8")).toBe("two\n");
  expect(record.durationMs).toBeLessThan(60_000);
});

test("a command that takes too long is ended, and the model told", LIMIT, async () => {
  await using bench = await openAgentBench(miniswe, "direct", { turns: [{ steps: [{ text: "I wait.", shell: "echo begun; sleep 300" }, { text: "Done." }] }] });
  const record = await bench.run({ config: { commandTimeoutSeconds: 1 } });
  expect(outcomeOf(record)).toBe("done");
  expect(eventsOf(record, "tool-result")[0]).toMatchObject({ isError: true, output: expect.stringMatching(/timed out after 1 seconds\nbegun\n$/) });
  expect(bench.server.requests.modelCalls()[1]?.model?.toolResults[0]).toContain("timed out");
});
