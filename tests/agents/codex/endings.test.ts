import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { watch } from "node:fs/promises";
import { join } from "node:path";
import { processTable } from "@slipway/process/process-table";
import { expect, test } from "vitest";
import { named, openBench, outcomeOf } from "./bench.ts";

const ABORT_LIMIT_MS = 1_000;

/** Processes that a turn started, by a label in their environment. */
function labelled() {
  const label = randomUUID();
  const pids = () =>
    processTable()
      .list(`SLIPWAY_SANDBOX=${label}`)
      .filter(({ isLabelled }) => isLabelled)
      .map(({ pid }) => pid);
  const kill = () => {
    for (const pid of pids()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended with another of them.
      }
    }
  };
  return { env: { SLIPWAY_SANDBOX: label }, pids, kill };
}

async function appears(folder: string, name: string): Promise<void> {
  const changes = watch(folder);
  if (existsSync(join(folder, name))) return;
  for await (const { filename } of changes) if (filename === name) return;
}

test("a cancel in the middle of shell commands leaves no process", async () => {
  await using bench = await openBench({ turns: [{ steps: [{ shell: "sleep 300 & touch started; sleep 301" }] }] });
  const { env, pids } = labelled();
  const cancel = new AbortController();
  const turn = bench.run({ env, signal: cancel.signal });
  await appears(bench.workspace, "started");
  expect(pids().length).toBeGreaterThan(2);
  const abortedAt = performance.now();
  cancel.abort();
  expect(outcomeOf(await turn)).toBe("CANCELLED");
  expect(performance.now() - abortedAt).toBeLessThan(ABORT_LIMIT_MS);
  expect(pids()).toEqual([]);
});

test.each(["hang", "silence", "slow", "loop"])("%s ends by the abort", async (name) => {
  await using bench = await openBench(named(name));
  const { env, pids } = labelled();
  const cancel = new AbortController();
  const turn = bench.run({ env, signal: cancel.signal });
  const request = await bench.server.requests.nthModelCall(name === "loop" ? 5 : 1);
  const abortedAt = performance.now();
  cancel.abort();
  expect(outcomeOf(await turn)).toBe("CANCELLED");
  expect(performance.now() - abortedAt).toBeLessThan(ABORT_LIMIT_MS);
  expect(pids()).toEqual([]);
  if (name !== "loop") expect(await request.end).toBe("dropped-by-client");
});

test("a Codex that is killed is BACKEND_FAILED, with how it ended", async () => {
  await using bench = await openBench(named("hang"));
  const { env, kill } = labelled();
  const turn = bench.run({ env });
  await bench.server.requests.nthModelCall(1);
  kill();
  expect((await turn).result).toMatchObject({ status: "failed", failure: { code: "BACKEND_FAILED", details: { signal: "SIGKILL" } } });
});

test("what the model left running does not hold the turn up", async () => {
  await using bench = await openBench({ turns: [{ steps: [{ shell: "setsid sleep 302 & echo started" }, { text: "Done." }] }] });
  const { env, kill } = labelled();
  const record = await bench.run({ env });
  expect(outcomeOf(record)).toBe("done");
  // The sandbox ends it at the attempt's end; here nobody else would.
  kill();
});

test("a turn after a cancelled one goes on with its thread", async () => {
  await using bench = await openBench({
    turns: [{ prompt: "again", steps: [{ text: "Done." }] }, { steps: [{ shell: "true" }, { stop: "silent-before-headers" }] }],
  });
  const cancel = new AbortController();
  const turn = bench.run({ prompt: "First words.", signal: cancel.signal });
  await bench.server.requests.nthModelCall(2);
  cancel.abort();
  expect(outcomeOf(await turn)).toBe("CANCELLED");
  expect(outcomeOf(await bench.run({ prompt: "Try again.", turn: 2 }))).toBe("done");
  expect(bench.server.requests.modelCalls().at(-1)?.model?.text).toContain("First words.");
});
