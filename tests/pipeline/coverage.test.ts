import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allEvents, ended, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** How much of all code tests run, on the base and with the change: found out once a base, and known where the base was verified. */

/** Writes an lcov report of `code.js`: a line that begins with `t` is run. */
const MEASURE = `awk 'BEGIN { print "SF:code.js" } { print "DA:" NR "," ($0 ~ /^t/ ? 1 : 0) } END { print "end_of_record" }' code.js > lcov.info`;
const CONFIG = `gates:\n  - { name: test, run: '${MEASURE.replaceAll("'", "''")}', coverage: lcov.info }\nchecks: { coverage: warning }\n`;

let stack: Stack;
let client: Client;
let repository: TestRepository;
beforeAll(async () => {
  stack = await Stack.start({ sandbox: "none", slots: 1 });
  client = await stack.client();
  repository = await makeRepository({ ".slipway.yaml": CONFIG, ".gitignore": "lcov.info\n", "code.js": "tested\nidle\n" });
  await repository.register(client, "covered");
}, 60_000);
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
});

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
