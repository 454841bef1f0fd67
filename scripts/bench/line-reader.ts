import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";

/** A line's number, counted from 0, and when it was made, in ms since 1970. */
export type ReadLine = (line: string, event: JobEvent) => { readonly number: number; readonly at: number };

/** What one subscriber has got of the numbered lines of a job. */
export interface Reader {
  lines: number;
  events: number;
  lastLine: number;
  outOfOrder: number;
  /** The beginning of a line whose end comes with the next event. */
  rest: string;
  /** From a line's making to here, in ms. */
  readonly latencies: number[];
}

/** Follows a job on the WebSocket to its end. */
export async function followLines(client: Client, job: string, readLine: ReadLine): Promise<Reader> {
  const reader = newReader();
  for await (const frame of client.follow(job)) if (frame.type === "event") read(reader, frame.event, readLine);
  return reader;
}

/** The same, but breaks the connection after `lines` lines, with frames still under way, and resumes where it was. */
export async function followLinesWithBreak(client: Client, job: string, readLine: ReadLine, lines: number): Promise<Reader> {
  const reader = newReader();
  let after = 0;
  for await (const frame of client.follow(job)) {
    if (frame.type !== "event") continue;
    read(reader, frame.event, readLine);
    after = frame.event.seq;
    if (reader.lines > lines) break;
  }
  await sleep(100);
  for await (const frame of client.follow(job, { after })) if (frame.type === "event") read(reader, frame.event, readLine);
  return reader;
}

/** How many lines came; throws where one is missing, came twice or came late. */
export function countOf(readers: readonly Reader[], total: number): string {
  for (const { lines, outOfOrder } of readers) {
    if (lines !== total || outOfOrder > 0) throw new Error(`of ${total} lines ${lines} arrived, ${outOfOrder} out of order`);
  }
  return `${total} of ${total} lines arrived in ${readers[0]?.events} events, with a forced reconnect too`;
}

function newReader(): Reader {
  return { lines: 0, events: 0, lastLine: -1, outOfOrder: 0, rest: "", latencies: [] };
}

function read(reader: Reader, event: JobEvent, readLine: ReadLine): void {
  if (event.kind !== "log") return;
  reader.events += 1;
  const now = Date.now();
  const lines = (reader.rest + event.data.text).split("\n");
  reader.rest = lines.pop() ?? "";
  for (const line of lines) {
    const { number, at } = readLine(line, event);
    if (number !== reader.lastLine + 1) reader.outOfOrder += 1;
    reader.lastLine = number;
    reader.lines += 1;
    reader.latencies.push(Math.max(0, now - at));
  }
}
