import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@slipway/protocol/client";
import { type Claim, LEASE_RENEW_MS } from "@slipway/protocol/worker-api";
import { BenchStack } from "./bench-stack.ts";
import { EMPTY_SCRIPT, FakeWorker } from "./fake-worker.ts";
import { type Figure, figure } from "./figures.ts";
import { countOf, followLines, followLinesWithBreak, type Reader, type ReadLine } from "./line-reader.ts";

const LINES_PER_SECOND = 10_000;
const CHUNK_MS = 20;
const LINES_PER_CHUNK = (LINES_PER_SECOND * CHUNK_MS) / 1_000;
const BAR = { of: "p99", limit: 50, side: "below" } as const;

/**
 * Log lines at 10,000 a second to a subscriber on the WebSocket, and to a second one that breaks its connection in the middle and resumes. Every line must
 * come, once and in order. Two ways: written to the API in chunks as a worker sends them, which is the server alone; and the real one, from an agent in
 * its sandbox.
 */
export async function measureEvents(quick: boolean): Promise<Figure[]> {
  const total = LINES_PER_SECOND * (quick ? 2 : 6);
  return [...(await throughTheServer(total)), ...(await throughEverything(total))];
}

/** How late a line comes, counted from when it was to be written. */
async function throughTheServer(total: number): Promise<Figure[]> {
  await using stack = await BenchStack.start();
  const { repository, oid } = await stack.repository(1);
  const client = stack.client("worker");
  const worker = new FakeWorker(client);
  await worker.register();
  const job = await stack.submit({ repo: repository.id, task: "bench", base: oid, backendConfig: EMPTY_SCRIPT });
  const claim = await worker.claim(5_000);
  if (claim?.job.id !== job.id) throw new Error("the bench's job was not claimed");
  const readLine: ReadLine = (line) => {
    const [number, at] = line.split(" ", 2);
    return { number: Number(number), at: Number(at) };
  };
  const following = followBoth(stack, job.id, readLine);
  const took = await writeLines(client, claim, total);
  await worker.finish(claim);
  const [steady, broken] = await following;
  return [
    figure("log line → API → subscriber, 10k lines/s", "ms", steady.latencies, BAR, `${countOf([steady, broken], total)}, without a worker`),
    figure("  lines a second", "lines/s", [total / (took / 1_000)]),
  ];
}

/** Runner → worker's spool → server → subscriber: how late the event with a line comes, counted from when the runner made it. */
async function throughEverything(total: number): Promise<Figure[]> {
  await using stack = await BenchStack.start(["worker", "integrator"]);
  const { repository, oid } = await stack.repository(1);
  const script = { turns: [[{ flood: { lines: total, lineBytes: 60, linesPerSecond: LINES_PER_SECOND } }, { write: { path: "new.txt", content: "new\n" } }]] };
  const job = await stack.submit({ repo: repository.id, task: "bench", base: oid, lane: "interactive", backendConfig: { script } });
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  const readLine: ReadLine = (line, { at }) => {
    [first, last] = [Math.min(first, at), Math.max(last, at)];
    // The flood counts from 1: `line 1 xxx`.
    return { number: Number(line.split(" ", 2)[1]) - 1, at };
  };
  const [steady, broken] = await followBoth(stack, job.id, readLine);
  return [
    figure("event in sandbox → subscriber, 10k lines/s", "ms", steady.latencies, BAR, `${countOf([steady, broken], total)}, from an agent through its worker`),
    figure("  lines a second", "lines/s", [total / ((last - first) / 1_000)]),
  ];
}

async function followBoth(stack: BenchStack, job: string, readLine: ReadLine): Promise<[Reader, Reader]> {
  return await Promise.all([followLines(stack.client(), job, readLine), followLinesWithBreak(stack.client(), job, readLine, LINES_PER_SECOND / 2)]);
}

/** Writes the lines on time, each with the time at which it was written; one request at a time, as a worker does. */
async function writeLines(client: Client, claim: Claim, total: number): Promise<number> {
  const params = { job: claim.job.id, fence: claim.fence };
  const start = Date.now();
  let renewedAt = start;
  let offset = 0;
  let ordinal = 0;
  for (let written = 0; written < total; ) {
    const due = Math.min(total, Math.floor(((Date.now() - start) / 1_000) * LINES_PER_SECOND));
    const events = [];
    while (written + LINES_PER_CHUNK <= due || (due === total && written < total)) {
      const count = Math.min(LINES_PER_CHUNK, total - written);
      const text = Array.from(
        { length: count },
        (_, index) => `${written + index} ${Math.round(start + ((written + index) / LINES_PER_SECOND) * 1_000)} a line of log as agents write them\n`,
      ).join("");
      ordinal += 1;
      events.push({ ordinal, at: Date.now(), event: { kind: "log" as const, data: { stream: "stdout", offset, text, encoding: "utf8" as const } } });
      offset += text.length;
      written += count;
    }
    if (events.length > 0) await client.call("appendEvents", { params, body: { events } });
    if (Date.now() - renewedAt > LEASE_RENEW_MS) {
      renewedAt = Date.now();
      await client.call("renew", { params, body: {} });
    }
    await sleep(2);
  }
  return Date.now() - start;
}
