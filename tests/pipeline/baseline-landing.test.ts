import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** From the task to the target: what lands although a gate is red, and what does not. */

const RED = "gates:\n  - {name: sum, run: 'cat sum; grep -qx 2 sum'}\n";
/** Passes on the base. On a change it passes from its second run on, in each checkout; with a file called `broken` never. */
const ODD =
  "gates:\n  - {name: odd, run: 'grep -qx 2 sum && exit 0; test -e broken || { test -e ../tried && exit 0; touch ../tried; }; echo the clock was late; exit 1'}\n";
const FILTERED = "gates:\n  - {name: code, run: 'test ! -e src/bad', paths: [src]}\n";

let stack: Stack;
let client: Client;
const repositories: TestRepository[] = [];
beforeAll(async () => {
  stack = await Stack.start({ sandbox: "none", slots: 2 });
  client = await stack.client();
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  for (const repository of repositories) await repository[Symbol.asyncDispose]();
});

async function register(name: string, files: Record<string, string>): Promise<string> {
  const repository = await makeRepository(files);
  repositories.push(repository);
  await repository.register(client, name);
  return await repository.head();
}

/** A job whose agent writes one file, landing on main. */
async function jobThat(repo: string, path: string, content: string): Promise<{ detail: JobDetail; events: JobEvent[] }> {
  const base = (await client.call("getBranch", { params: { repo }, query: { branch: "main" } })).oid;
  const id = await submitScript(client, repo, [[{ write: { path, content } }]], { target: "main", ...(base ? { base } : {}) });
  return { detail: await ended(client, id), events: await allEvents(client, id) };
}

function warningsOf(events: readonly JobEvent[]): string[] {
  return events.flatMap((event) => (event.kind === "notice" && event.data.level === "warning" && event.data.text.includes("gate") ? [event.data.text] : []));
}

function verdictsOf(events: readonly JobEvent[]): string[] {
  return events.flatMap((event) => (event.kind === "gate-verdict" ? [`${event.data.name} ${event.data.verdict}`] : []));
}

test("on a red base nothing lands but what mends it, and the job says that the base is red", async () => {
  const start = await register("strict", { ".slipway.yaml": RED, sum: "3\n" });
  const other = await jobThat("strict", "other", "more\n");
  expect(other.detail.job).toMatchObject({
    state: "failed",
    failure: { code: "BASELINE_RED", details: { gates: [{ gate: "sum", exitCode: 1, redBefore: true }] } },
  });
  expect(other.detail.job.failure?.message).toContain("by the same failures they fail without the change: sum (exit 1)");
  // Once as it was found, and once when the agent had been asked whether its task was about it.
  expect(verdictsOf(other.events)).toEqual(["sum before", "sum before"]);
  expect((await client.call("getBranch", { params: { repo: "strict" }, query: { branch: "main" } })).oid).toBe(start);
  const breaks = await jobThat("strict", "sum", "4\n");
  expect(breaks.detail.job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
  const mends = await jobThat("strict", "sum", "2\n");
  expect(mends.detail).toMatchObject({ job: { state: "done" }, receipts: [{ gate: "sum", exitCode: 0, at: expect.any(Number) }] });
}, 120_000);

test("where a red base is tolerated the change lands, is marked, and the next job runs nothing on its base", async () => {
  await register("tolerant", { ".slipway.yaml": `${RED}baseline: tolerate\n`, sum: "3\n" });
  const first = await jobThat("tolerant", "one", "1\n");
  expect(first.detail).toMatchObject({ job: { state: "done" }, receipts: [{ gate: "sum", exitCode: 1 }] });
  expect(warningsOf(first.events)).toEqual([expect.stringMatching(/lands although the gate sum is red: by the same failure that the target has/)]);
  const second = await jobThat("tolerant", "two", "2\n");
  expect(second.detail.job.state).toBe("done");
  // The receipts of the first one's verification are those of the second one's base.
  expect(second.events.some((event) => event.kind === "log" && event.data.stream.startsWith("base:"))).toBe(false);
  const worse = await jobThat("tolerant", "sum", "5\n");
  expect(worse.detail.job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
}, 120_000);

test("two jobs on one red base, at work together, have its gate run there once between them and their verifications", async () => {
  await register("twins", { ".slipway.yaml": `${RED}baseline: tolerate\n`, sum: "33\n" });
  const twins = await Promise.all([jobThat("twins", "one", "1\n"), jobThat("twins", "two", "2\n")]);
  expect(twins.map(({ detail, events }) => [detail.job.state, verdictsOf(events)])).toEqual([
    ["done", ["sum before"]],
    ["done", ["sum before"]],
  ]);
  const { jobs } = await client.call("listJobs", { query: { repo: "twins" } });
  const ran = await Promise.all(
    jobs.map(async ({ id }) => (await allEvents(client, id)).filter(({ kind, data }) => kind === "log" && data.stream === "base:sum").length > 0),
  );
  expect(ran.filter(Boolean).length).toBe(1);
  expect(jobs.filter(({ kind }) => kind === "verify").length).toBeGreaterThan(0);
}, 120_000);

test("a failure that came and went in two jobs is quarantined until somebody clears it", async () => {
  await register("odd", { ".slipway.yaml": ODD, sum: "2\n" });
  const flakes = async (): Promise<unknown[]> => (await client.call("listFlakes", { params: { repo: "odd" } })).flakes;
  const first = await jobThat("odd", "sum", "4\n");
  expect(first.detail).toMatchObject({ job: { state: "done" }, receipts: [{ gate: "odd", exitCode: 0, flaky: true }] });
  expect(await flakes()).toMatchObject([{ gate: "odd", jobs: 1, quarantined: false, lastJob: first.detail.job.number, excerpt: "the clock was late" }]);
  const second = await jobThat("odd", "two", "2\n");
  expect(verdictsOf(second.events)).toEqual(["odd flaky"]);
  expect(await flakes()).toMatchObject([{ gate: "odd", jobs: 2, quarantined: true, lastJob: second.detail.job.number }]);
  const third = await jobThat("odd", "broken", "x\n");
  expect(third.detail).toMatchObject({ job: { state: "done" }, receipts: [{ gate: "odd", exitCode: 1 }] });
  expect(warningsOf(third.events)).toEqual([expect.stringContaining("is quarantined (`slipway gates` lists it)")]);
  expect(await client.call("clearFlakes", { params: { repo: "odd" }, body: { gate: "odd" } })).toEqual({ cleared: 1 });
  expect(await flakes()).toEqual([]);
  const { entries } = await client.call("listAudit", { query: { action: ["clearFlakes"] } });
  expect(entries).toMatchObject([{ action: "clearFlakes", object: { kind: "repository", name: "odd" }, outcome: "ok" }]);
  // Now the base is red, and nobody knows its failure as one that goes.
  expect((await jobThat("odd", "four", "4\n")).detail.job.failure?.code).toBe("BASELINE_RED");
}, 180_000);

test("a gate that no changed path concerns is not required, and runs nowhere", async () => {
  await register("filtered", { ".slipway.yaml": FILTERED, "src/good": "1\n" });
  const docs = await jobThat("filtered", "docs/page", "text\n");
  expect(docs.detail).toMatchObject({ job: { state: "done" }, receipts: [] });
  const code = await jobThat("filtered", "src/more", "2\n");
  expect(code.detail).toMatchObject({ job: { state: "done" }, receipts: [{ gate: "code", exitCode: 0 }] });
  const bad = await jobThat("filtered", "src/bad", "x\n");
  expect(bad.detail.job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
}, 120_000);
