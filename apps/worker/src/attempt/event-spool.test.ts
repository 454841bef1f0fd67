import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppendableEvent } from "@slipway/protocol/events";
import { appendableEventSchema, LOG_CHUNK_LIMIT_BYTES } from "@slipway/protocol/events";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AttemptEvents } from "./event-sink.ts";
import { EventSpool, type SpooledEvent } from "./event-spool.ts";
import { LogChunker } from "./log-chunker.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-spool-"));
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

const acknowledged = { acknowledged: () => Promise.resolve() };
const message = (text: string): AppendableEvent => ({ kind: "message", data: { role: "agent", text } });

async function readAll(spool: EventSpool): Promise<SpooledEvent[]> {
  const events: SpooledEvent[] = [];
  for await (const { event } of spool.read(0)) events.push(event);
  return events;
}

test("cut at any byte, it keeps its first whole events and counts on without a gap", async () => {
  const whole = join(folder, "whole.jsonl");
  {
    await using spool = await EventSpool.open(whole);
    await Promise.all([spool.append(1, message("eins")), spool.append(2, message("zw€i"), { runner: { source: "r", ordinal: 7 }, key: "second" })]);
    await spool.append(3, { kind: "log", data: { stream: "setup", offset: 0, text: "hällo", encoding: "utf8" } });
    await spool.append(4, message("vier"), { runner: { source: "r", ordinal: 9 }, key: "fourth" });
  }
  const bytes = await readFile(whole);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const path = join(folder, "cut.jsonl");
    await writeFile(path, bytes.subarray(0, cut));
    const lines = bytes.subarray(0, cut).toString("latin1").split("\n").length - 1;
    await using spool = await EventSpool.open(path);
    expect(spool.lastOrdinal, `cut ${cut}`).toBe(lines);
    expect(spool.lastRunnerOrdinal("r")).toBe(lines >= 4 ? 9 : lines >= 2 ? 7 : 0);
    expect(spool.lastRunnerOrdinal("other")).toBe(0);
    expect(spool.streamOffset("setup")).toBe(lines >= 3 ? 6 : 0);
    expect([spool.has("second"), spool.has("fourth")]).toEqual([lines >= 2, lines >= 4]);
    await spool.append(5, message("fünf"));
    expect((await readAll(spool)).map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: lines + 1 }, (_, index) => index + 1));
  }
});

test("a read goes on where the last one ended, over what was appended since", async () => {
  await using spool = await EventSpool.open(join(folder, "events.jsonl"));
  await spool.append(1, message("a".repeat(300_000)));
  let offset = 0;
  for await (const next of spool.read(0)) offset = next.endOffset;
  await spool.append(2, message("b"));
  const seen: number[] = [];
  for await (const { event } of spool.read(offset)) seen.push(event.ordinal);
  expect(seen).toEqual([2]);
});

test("what the runner sends again is skipped, also after a restart, but a new runner counts anew", async () => {
  const path = join(folder, "events.jsonl");
  {
    await using spool = await EventSpool.open(path);
    const events = new AttemptEvents(spool, acknowledged);
    events.useRunner("one");
    for (const ordinal of [1, 2, 2, 1, 3]) await events.emitFromRunner(ordinal, 0, message(String(ordinal)));
    expect(events.lastRunnerOrdinal).toBe(3);
  }
  await using spool = await EventSpool.open(path);
  const events = new AttemptEvents(spool, acknowledged);
  events.useRunner("one");
  for (const ordinal of [3, 4]) await events.emitFromRunner(ordinal, 0, message(String(ordinal)));
  events.useRunner("two");
  expect(events.lastRunnerOrdinal).toBe(0);
  await events.emitFromRunner(1, 0, message("new"));
  expect((await readAll(spool)).map(({ event }) => (event.kind === "message" ? event.data.text : ""))).toEqual(["1", "2", "3", "4", "new"]);
});

test("an event with a key is written once, also by a later process, and again where it could not be written", async () => {
  const path = join(folder, "events.jsonl");
  {
    await using spool = await EventSpool.open(path);
    const events = new AttemptEvents(spool, acknowledged);
    await Promise.all([events.emitOnce("a", message("a")), events.emitOnce("a", message("a")), events.emitOnce("b", message("b"))]);
    await events.emitOnce("b", message("b"));
  }
  const spool = await EventSpool.open(path);
  const events = new AttemptEvents(spool, acknowledged);
  await events.emitOnce("a", message("a"));
  expect((await readAll(spool)).map(({ key }) => key)).toEqual(["a", "b"]);
  await spool[Symbol.asyncDispose]();
  await expect(events.emitOnce("c", message("c"))).rejects.toThrow();
  expect(events.has("c")).toBe(false);
});

test("what a command said is on disk when its log is settled", async () => {
  await using spool = await EventSpool.open(join(folder, "events.jsonl"));
  const events = new AttemptEvents(spool, acknowledged);
  events.log("setup", Buffer.from("last words"));
  await events.settleLog("setup");
  expect(spool.writtenOrdinal).toBe(1);
  await events.settleLog("nothing said");
});

test("from the limit on logs are dropped and counted in gap events; phases are kept", async () => {
  await using spool = await EventSpool.open(join(folder, "events.jsonl"));
  const events = new AttemptEvents(spool, acknowledged, 20_000);
  events.useRunner("r");
  for (let ordinal = 1; ordinal <= 10; ordinal += 1) {
    await events.emitFromRunner(ordinal, 0, { kind: "log", data: { stream: "stdout", offset: 0, text: "x".repeat(5_000), encoding: "utf8" } });
  }
  await events.emit({ kind: "phase", data: { phase: "turn", status: "ended" } });
  await events.flush();
  const all = (await readAll(spool)).map(({ event }) => event);
  const logs = all.filter(({ kind }) => kind === "log").length;
  const gaps = all.flatMap((event) => (event.kind === "gap" ? [event.data] : []));
  expect(logs).toBe(4);
  expect(all.at(-1)?.kind).toBe("phase");
  expect(gaps.reduce((sum, gap) => sum + gap.droppedEvents, 0)).toBe(6);
  expect(gaps.reduce((sum, gap) => sum + gap.droppedBytes, 0)).toBe(30_000);
  expect(events.lastRunnerOrdinal).toBe(10);
  await using again = await EventSpool.open(join(folder, "events.jsonl"));
  expect(again.lastRunnerOrdinal("r")).toBe(10);
});

test("a log stream is cut into events that fit, never inside a character, and is whole again when they are joined", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string({ unit: "grapheme", maxLength: 9_000 }).map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 40 }),
        ),
        { maxLength: 8 },
      ),
      (pieces) => {
        const events: AppendableEvent[] = [];
        const chunker = new LogChunker("stdout", 0, (event) => events.push(event));
        const whole = Buffer.concat(pieces);
        for (const piece of pieces) chunker.push(piece);
        chunker.flush();
        let offset = 0;
        const joined = events.map((event) => {
          if (appendableEventSchema.parse(event).kind !== "log" || event.kind !== "log") throw new Error("not a log");
          const bytes = Buffer.from(event.data.text, event.data.encoding);
          expect(event.data.offset).toBe(offset);
          expect(bytes.length).toBeLessThanOrEqual(LOG_CHUNK_LIMIT_BYTES);
          offset += bytes.length;
          return bytes;
        });
        expect(Buffer.concat(joined).equals(whole)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
  const events: AppendableEvent[] = [];
  const chunker = new LogChunker("gate:test", 0, (event) => events.push(event));
  for (const byte of Buffer.from("€".repeat(10_000))) chunker.push(Uint8Array.of(byte));
  chunker.flush();
  expect(events.every((event) => event.kind === "log" && event.data.encoding === "utf8")).toBe(true);
});

test("a stream goes on at its offset after a restart", async () => {
  const path = join(folder, "events.jsonl");
  for (const text of ["hello ", "world"]) {
    await using spool = await EventSpool.open(path);
    const events = new AttemptEvents(spool, acknowledged);
    events.log("setup", Buffer.from(text));
    await events.flush();
  }
  await using spool = await EventSpool.open(path);
  expect((await readAll(spool)).map(({ event }) => (event.kind === "log" ? [event.data.offset, event.data.text] : []))).toEqual([
    [0, "hello "],
    [6, "world"],
  ]);
});
