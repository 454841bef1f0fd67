import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** What a job runs on its base: coverage, which is found out once a base and known where the base was verified, and the proof of tests. */

/** Writes an lcov report of `code.js`: a line that begins with `t` is run. */
const MEASURE = `awk 'BEGIN { print "SF:code.js" } { print "DA:" NR "," ($0 ~ /^t/ ? 1 : 0) } END { print "end_of_record" }' code.js > lcov.info`;
const CONFIG = `gates:\n  - { name: test, run: '${MEASURE.replaceAll("'", "''")}', coverage: lcov.info }\nchecks: { coverage: warning }\n`;

let stack: Stack;
let client: Client;
const repositories: TestRepository[] = [];
beforeAll(async () => {
  stack = await Stack.start({ sandbox: "none", slots: 1 });
  client = await stack.client();
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  for (const repository of repositories) await repository[Symbol.asyncDispose]();
});

async function register(name: string, files: Record<string, string>): Promise<void> {
  const repository = await makeRepository(files);
  repositories.push(repository);
  await repository.register(client, name);
}

async function landed(content: string): Promise<{ detail: JobDetail; events: JobEvent[] }> {
  const id = await submitScript(client, "covered", [[{ write: { path: "code.js", content } }]], { target: "main" });
  const detail = await ended(client, id);
  expect(detail.job.state, JSON.stringify(detail.job.failure)).toBe("done");
  return { detail, events: await allEvents(client, id) };
}

function wasRunOnBase(events: readonly JobEvent[]): boolean {
  return events.some((event) => event.kind === "notice" && event.data.text.startsWith("How much of the code test covered"));
}

test("what is not known of the base is measured there, and the next job knows it by the receipt of what landed", async () => {
  await register("covered", { ".slipway.yaml": CONFIG, ".gitignore": "lcov.info\n", "code.js": "tested\nidle\n" });
  const first = await landed("tested\nidle\nt 3\nt 4\n");
  expect(wasRunOnBase(first.events)).toBe(true);
  const { facts } = await client.call("getScorecard", { params: { job: first.detail.job.id } });
  expect(facts.coverage).toEqual({ before: { covered: 1, lines: 2 }, after: { covered: 3, lines: 4 } });
  expect(first.detail.receipts).toMatchObject([{ gate: "test", exitCode: 0, coverage: { covered: 3, lines: 4 } }]);

  const second = await landed("tested\nidle\nt 3\nt 4\nidle\n");
  expect(wasRunOnBase(second.events)).toBe(false);
  const card = await client.call("getScorecard", { params: { job: second.detail.job.id } });
  expect(card.facts.coverage).toEqual({ before: { covered: 3, lines: 4 }, after: { covered: 3, lines: 5 } });
}, 120_000);

test("a worker that is killed in the midst of a proof makes it again, from a clean checkout, and the agent runs no second time", async () => {
  // The proof of the test on the base takes its time; what an earlier run left in the checkout would make it pass.
  const gate = "test ! -e new.test || { test ! -e left || exit 0; touch left; echo looking; grep -q mended code || { sleep 3; exit 1; }; }";
  await register("proved", {
    ".slipway.yaml": `gates:\n  - { name: test, run: '${gate}' }\nchecks: { proof: error, testPaths: ['*.test'] }\n`,
    code: "broken\n",
  });
  const steps = [{ write: { path: "code", content: "mended\n" } }, { write: { path: "new.test", content: "new\n" } }];
  const id = await submitScript(client, "proved", [steps], { target: "main" });
  for await (const frame of client.follow(id)) {
    if (frame.type !== "event" || frame.event.kind !== "log" || frame.event.data.stream !== "proof:test") continue;
    await stack.crash("worker");
    break;
  }
  const detail = await ended(client, id);
  expect(detail.job, JSON.stringify(detail.job.failure)).toMatchObject({ state: "done", attempts: 1 });
  const events = await allEvents(client, id);
  expect(events.flatMap((event) => (event.kind === "check" && event.data.name === "proof" ? [event.data.passed] : []))).toEqual([true]);
  expect(events.flatMap((event) => (event.kind === "turn" && event.data.status === "started" ? [event.data.turn] : []))).toEqual([1]);
}, 120_000);
