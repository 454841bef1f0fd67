import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { Claim } from "@slipway/protocol/worker-api";
import { BenchStack } from "./bench-stack.ts";
import { EMPTY_SCRIPT, FakeWorker } from "./fake-worker.ts";
import { type Figure, figure } from "./figures.ts";

const LINES_PER_SECOND = 10_000;
const CHUNK_MS = 20;
const LINES_PER_CHUNK = (LINES_PER_SECOND * CHUNK_MS) / 1_000;
const LEASE_RENEW_MS = 3_000;

interface Reader {
  lines: number;
  lastLine: number;
  outOfOrder: number;
  readonly latencies: number[];
}

/**
 * Log lines at 10,000 a second, in chunks as a worker sends them, to a subscriber on the WebSocket: how late each line comes, counted from when
 * it was written. A second subscriber breaks its connection in the middle and resumes. Every line must come, once and in order.
 */
export async function measureEvents(quick: boolean): Promise<Figure[]> {
  await using stack = await BenchStack.start();
  const { repository, oid } = await stack.repository(1);
  const client = stack.client("worker");
  const worker = new FakeWorker(client);
  await worker.register();
  const job = await stack.submit({ repo: repository.id, task: "bench", base: oid, backendConfig: EMPTY_SCRIPT });
  const claim = await worker.claim(5_000);
  if (claim?.job.id !== job.id) throw new Error("the bench's job was not claimed");
  const steady = follow(stack.client(), job.id);
  const broken = followWithBreak(stack.client(), job.id);
  const total = LINES_PER_SECOND * (quick ? 2 : 6);
  const took = await writeLines(client, claim, total);
  await worker.finish(claim);
  const readers = await Promise.all([steady, broken]);
  for (const reader of readers) {
    if (reader.lines !== total || reader.outOfOrder > 0) throw new Error(`of ${total} lines ${reader.lines} arrived, ${reader.outOfOrder} out of order`);
  }
  const [first] = readers;
  return [
    figure(
      "log line → subscriber at 10,000 lines/s",
      "ms",
      first.latencies,
      { of: "p99", limit: 50, side: "below" },
      `${total} of ${total} lines arrived, with a forced reconnect too`,
    ),
    figure("lines a second", "lines/s", [total / (took / 1_000)]),
  ];
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

async function follow(client: Client, job: string): Promise<Reader> {
  const reader: Reader = { lines: 0, lastLine: -1, outOfOrder: 0, latencies: [] };
  for await (const frame of client.follow(job)) if (frame.type === "event") read(reader, frame.event);
  return reader;
}

async function followWithBreak(client: Client, job: string): Promise<Reader> {
  const reader: Reader = { lines: 0, lastLine: -1, outOfOrder: 0, latencies: [] };
  let after = 0;
  for await (const frame of client.follow(job)) {
    if (frame.type !== "event") continue;
    read(reader, frame.event);
    after = frame.event.seq;
    // Leaving the loop closes the socket with frames still under way.
    if (reader.lines > LINES_PER_SECOND / 2) break;
  }
  await sleep(100);
  for await (const frame of client.follow(job, { after })) if (frame.type === "event") read(reader, frame.event);
  return reader;
}

function read(reader: Reader, event: JobEvent): void {
  if (event.kind !== "log") return;
  const now = Date.now();
  for (const line of event.data.text.split("\n")) {
    if (line === "") continue;
    const [number = "", at = ""] = line.split(" ", 2);
    if (Number(number) !== reader.lastLine + 1) reader.outOfOrder += 1;
    reader.lastLine = Number(number);
    reader.lines += 1;
    reader.latencies.push(now - Number(at));
  }
}
