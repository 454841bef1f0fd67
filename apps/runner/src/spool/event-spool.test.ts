import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentEvent } from "@slipway/protocol/events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EventSpool } from "./event-spool.ts";
import { Outbox } from "./outbox.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-spool-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function fill(spool: EventSpool, count: number, bytes: number): void {
  for (let index = 0; index < count; index += 1) spool.append((ordinal) => JSON.stringify({ ordinal, fill: "x".repeat(bytes) }));
}

function ordinalsAfter(spool: EventSpool, ordinal: number): number[] {
  const cursor = spool.seek(ordinal);
  const ordinals: number[] = [];
  for (let lines = spool.read(cursor); lines; lines = spool.read(cursor)) {
    for (const line of lines.toString().trimEnd().split("\n")) ordinals.push((JSON.parse(line) as { ordinal: number }).ordinal);
  }
  return ordinals;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("events are read from any ordinal on, over files and lines of any length", () => {
  const spool = new EventSpool(folder);
  fill(spool, 5, 10);
  fill(spool, 3, 700_000);
  fill(spool, 100, 100_000);
  expect(readdirSync(join(folder, "events")).length).toBeGreaterThan(2);
  for (const after of [0, 1, 5, 6, 7, 50, 107, 108]) expect(ordinalsAfter(spool, after)).toEqual(range(after + 1, 108));
});

test("a reader at the end finds what is appended later", () => {
  const spool = new EventSpool(folder);
  const cursor = spool.seek(0);
  expect(spool.read(cursor)).toBeUndefined();
  fill(spool, 2, 5);
  expect(spool.read(cursor)?.toString().split("\n").length).toBe(3);
  fill(spool, 50, 200_000);
  let count = 0;
  for (let lines = spool.read(cursor); lines; lines = spool.read(cursor)) count += lines.toString().split("\n").length - 1;
  expect(count).toBe(50);
});

test("acknowledged files are deleted, and never one that is still needed", () => {
  const spool = new EventSpool(folder);
  fill(spool, 200, 100_000);
  const before = spool.bytes;
  spool.acknowledge(150);
  expect(spool.bytes).toBeLessThan(before / 2);
  expect(ordinalsAfter(spool, 150)).toEqual(range(151, 200));
  spool.acknowledge(200);
  fill(spool, 1, 1);
  expect(ordinalsAfter(spool, 200)).toEqual([201]);
});

test("a spool is taken up again, without a torn last line", () => {
  const first = new EventSpool(folder);
  fill(first, 10, 10);
  first.close();
  appendFileSync(join(folder, "events", "000000000001.jsonl"), '{"ordinal":11,"fi');
  const second = new EventSpool(folder);
  expect(second.lastOrdinal).toBe(10);
  fill(second, 2, 10);
  expect(ordinalsAfter(second, 8)).toEqual([9, 10, 11, 12]);
});

test.each([
  ["the first", 0],
  ["one whose forerunners were acknowledged", 49],
])("a file of which only a torn line is there is taken up again: %s", (_, before) => {
  const events = join(folder, "events");
  mkdirSync(events);
  writeFileSync(join(events, `${String(before + 1).padStart(12, "0")}.jsonl`), '{"ordinal":1,"fi');
  const spool = new EventSpool(folder);
  expect(spool.lastOrdinal).toBe(before);
  const cursor = spool.seek(before);
  expect(spool.read(cursor)).toBeUndefined();
  fill(spool, 2, 10);
  expect(spool.read(cursor)?.toString().split("\n").length).toBe(3);
  expect(ordinalsAfter(new EventSpool(folder), before)).toEqual([before + 1, before + 2]);
});

test("a full spool drops log events, counts them, and says so where they are missing", () => {
  const spool = new EventSpool(folder);
  const limit = 6 * 1_048_576;
  const outbox = new Outbox(spool, () => {}, limit);
  const log = (offset: number): AgentEvent => ({ kind: "log", data: { stream: "stdout", offset, text: "x".repeat(16_000), encoding: "utf8" } });
  for (let index = 0; index < 1_000; index += 1) outbox.emit(log(index * 16_000));
  expect(spool.bytes).toBeLessThan(limit + 100_000);
  const kept = spool.lastOrdinal;
  outbox.emit({ kind: "message", data: { role: "agent", text: "still here" } });
  const cursor = spool.seek(kept);
  const [gap, message] = (spool.read(cursor)?.toString().trimEnd().split("\n") ?? []).map((line) => (JSON.parse(line) as { event: AgentEvent }).event);
  expect(gap).toMatchObject({ kind: "notice", data: { level: "warning", text: expect.stringContaining(`${1_000 - kept} events`) } });
  expect(message).toMatchObject({ kind: "message" });
  spool.acknowledge(spool.lastOrdinal);
  const before = spool.lastOrdinal;
  fill(spool, 1, 1);
  outbox.emit(log(0));
  expect(spool.lastOrdinal).toBe(before + 2);
});

test("an event that no message can carry is replaced by a notice", () => {
  const spool = new EventSpool(folder);
  new Outbox(spool, () => {}).emit({ kind: "tool-call", data: { callId: "1", name: "x", input: "y".repeat(2_000_000) } });
  expect(spool.read(spool.seek(0))?.toString()).toContain("larger than");
});
