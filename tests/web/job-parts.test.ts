import type { AppendableEvent } from "@slipway/protocol/events";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestServer } from "../server/server-harness.ts";
import { violations } from "./axe.ts";
import { TestBrowser } from "./browser.ts";
import { LogWriter } from "./log-writer.ts";

/** What only some jobs have: a critic, refused permissions, stalls, failing tests by name, and a person who has to act. */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let server: TestServer;
let browser: TestBrowser;
beforeAll(async () => {
  [server, browser] = await Promise.all([TestServer.start(), TestBrowser.start()]);
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const EVENTS: readonly AppendableEvent[] = [
  { kind: "phase", data: { phase: "turn", status: "started" } },
  { kind: "turn", data: { turn: 1, status: "started", reason: "task" } },
  { kind: "permission", data: { asked: "execute", text: "rm -rf build", answer: "denied", policy: "edits" } },
  { kind: "tool-call", data: { callId: "1", name: "Bash", input: { command: "npm test" } } },
  { kind: "tool-result", data: { callId: "1", output: "2 failed", isError: true } },
  { kind: "stalled", data: { turn: 1, silentMs: 300_000, cpuSeen: true, next: "nudge" } },
  { kind: "usage", data: { inputTokens: 120_000, cachedInputTokens: 80_000, outputTokens: 9_000, reasoningTokens: 2_000, costUsd: 1.61 } },
  { kind: "turn", data: { turn: 1, status: "ended", reason: "task", resources: { cpuMs: 8_300, peakMemoryBytes: 412_000_000 } } },
  {
    kind: "gate",
    data: {
      name: "test",
      status: "failed",
      round: 0,
      exitCode: 1,
      durationMs: 4_200,
      tests: { runners: ["vitest"], passed: 31, failed: 2, skipped: 1, failing: [{ name: "ledger > empty", file: "src/ledger.test.ts", line: 14 }] },
    },
  },
  { kind: "check", data: { name: "tests", passed: false, findings: ["src/ledger.test.ts:14: a test was skipped"] } },
  {
    kind: "critic",
    data: {
      name: "second",
      by: "model openai/gpt-5",
      level: "required",
      verdict: "reject",
      score: 41,
      confidence: 0.8,
      summary: "The empty ledger is not handled.",
      criteria: [
        { text: "Sums are right", verdict: "met", reason: "See the loop", evidence: [{ file: "src/ledger.ts", line: 12 }] },
        { text: "Empty ledgers give 0", verdict: "unmet", reason: "It throws", evidence: [] },
      ],
      findings: [{ severity: "blocker", text: "Throws for an empty ledger", file: "src/ledger.ts", line: 8, proven: true }],
      notes: [],
      kept: false,
      durationMs: 5_300,
    },
  },
];

test("a job that needs a person says so, with all that was found; a retry goes on", async () => {
  const { view } = await server.repository();
  const writer = await LogWriter.start(server, view.id, { budget: { usd: 2 } });
  await writer.add(...EVENTS);
  await writer.fail("BACKEND_AUTH", "The key was refused.");
  const { page, complaints } = await browser.open(server, `/jobs/${writer.job.number}`, "submitter");
  await page.getByText("This needs you.").waitFor();
  await page.getByText("BACKEND_AUTH: The key was refused.").waitFor();
  await page.getByText("$1.61").waitFor();
  await page.getByText("393 MiB").waitFor();
  expect(await violations(page)).toEqual([]);

  await page.keyboard.press("2");
  await page.getByText("asked for leave to execute").waitFor();
  await page.getByText("Nothing came for 5 min; it is asked once to go on.").waitFor();
  await page.getByText("Critic second says no").waitFor();
  expect(await violations(page)).toEqual([]);

  await page.keyboard.press("5");
  await page.getByText("31 tests passed, 2 failed, 1 skipped (vitest)").waitFor();
  await page.getByText("ledger > empty").waitFor();

  await page.keyboard.press("6");
  const rows = page.getByRole("region", { name: "Findings" }).first().getByRole("row");
  expect(await rows.allTextContents()).toEqual([
    "WeightWhatWhereBy",
    "blockerThrows for an empty ledgersrc/ledger.ts:8critic second",
    "unmetEmpty ledgers give 0: It throwscritic second",
    "refusessrc/ledger.test.ts:14: a test was skippedsrc/ledger.test.ts:14check tests",
  ]);
  expect(await page.getByRole("link", { name: "src/ledger.ts:8" }).getAttribute("href")).toBe(`/jobs/${writer.job.number}/diff#src/ledger.ts:8`);
  expect(await violations(page)).toEqual([]);

  await page.getByRole("button", { name: "Retry" }).click();
  await page.locator("main").getByText("queued", { exact: true }).waitFor();
  expect(await page.getByRole("button", { name: "Retry" }).count()).toBe(0);
  expect(complaints).toEqual([]);
});
