import type { JobEvent } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { firstError, looksLikeError } from "./first-error.ts";
import { type LogRows, rowsOf } from "./log-rows.ts";
import { LogStore } from "./log-store.ts";
import { nextOf, patternOf, search } from "./search.ts";

/** Writes events of one job as its worker does: numbered, each stream's chunks with their offsets. */
class Writer {
  readonly events: JobEvent[] = [];
  readonly #offsets = new Map<string, number>();
  fence = 1;

  log(stream: string, bytes: string | Uint8Array): void {
    const buffer = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    const offset = this.#offsets.get(stream) ?? 0;
    this.#offsets.set(stream, offset + buffer.length);
    const data =
      typeof bytes === "string" ? { text: bytes, encoding: "utf8" as const } : { text: btoa(String.fromCharCode(...buffer)), encoding: "base64" as const };
    this.add({ kind: "log", data: { stream, offset, ...data } });
  }

  attempt(fence: number): void {
    this.fence = fence;
    this.#offsets.clear();
  }

  add(event: { kind: JobEvent["kind"]; data: unknown }): void {
    this.events.push({ jobId: "j", seq: this.events.length + 1, fence: this.fence, at: 0, ...event } as JobEvent);
  }

  into(store: LogStore): LogStore {
    for (const event of this.events) store.take(event);
    return store;
  }
}

const texts = (rows: LogRows): string[] => Array.from({ length: rows.end - rows.begin }, (_, index) => rows.row(rows.begin + index).text);

test("streams are told apart, and stand in the order in which their lines ended", () => {
  const writer = new Writer();
  writer.log("stdout", "one\ntw");
  writer.log("stderr", "oops\n");
  writer.log("stdout", "o\nopen");
  const store = writer.into(new LogStore());
  expect(texts(rowsOf(store, null))).toEqual(["Attempt 1", "one", "oops", "two", "open"]);
  expect(texts(rowsOf(store, "stdout"))).toEqual(["one", "two", "open"]);
  expect(rowsOf(store, "stdout").row(1)).toEqual({ kind: "text", text: "two", stream: "stdout", number: 2 });
  expect(rowsOf(store, "stdout").indexOf(3)).toBe(2);
  expect(rowsOf(store, "stdout").indexOf(4)).toBeUndefined();
  expect(texts(rowsOf(store, "nothing"))).toEqual([]);
});

test("attempts, turns, runs of gates and gaps are marked where they are", () => {
  const writer = new Writer();
  writer.add({ kind: "turn", data: { turn: 1, status: "started", reason: "task" } });
  writer.log("stdout", "a");
  writer.add({ kind: "gate", data: { name: "test", status: "started", round: 0 } });
  writer.log("gate:test", "red\n");
  writer.attempt(2);
  writer.log("stdout", "b\n");
  writer.add({ kind: "gap", data: { reason: "job-log-limit", stream: "stdout", droppedEvents: 0, droppedBytes: 0 } });
  const store = writer.into(new LogStore());
  expect(texts(rowsOf(store, "stdout"))).toEqual(["a", "Attempt 2", "b", "From here on output is missing: the job's log had reached its limit."]);
  expect(texts(rowsOf(store, "gate:test"))).toEqual(["Gate test, first run", "red", "Attempt 2"]);
  expect(rowsOf(store, "stdout").row(3).kind).toBe("gap");
});

test("characters that are cut, and bytes that are none", () => {
  const writer = new Writer();
  const boat = new TextEncoder().encode("🚢\n");
  writer.log("stdout", Uint8Array.from(boat.subarray(0, 2)));
  writer.log("stdout", Uint8Array.from(boat.subarray(2)));
  writer.log("stdout", Uint8Array.from([255, 254, 65, 10, 0xf0]));
  writer.log("stdout", "then\n");
  writer.add({ kind: "log", data: { stream: "other", offset: 0, text: "not base64!", encoding: "base64" } });
  const store = writer.into(new LogStore());
  expect(texts(rowsOf(store, "stdout"))).toEqual(["🚢", "��A", "�then"]);
  expect(texts(rowsOf(store, "other"))).toEqual(["not base64!"]);
});

test("the oldest lines give way, keep their numbers, and can be read anew", () => {
  const writer = new Writer();
  const line = (index: number): string => `line ${index} ${"x".repeat(100)}\n`;
  for (let chunk = 0; chunk < 1_000; chunk += 1)
    writer.log(
      chunk % 2 ? "stdout" : "stderr",
      Array.from({ length: 100 }, (_, at) => line(chunk * 100 + at))
        .join("")
        .slice(0, -1),
    );
  const store = writer.into(new LogStore({ characters: 2_000_000, lines: 500_000 }));
  expect(store.characters).toBeLessThan(2_100_000);
  const rows = rowsOf(store, "stdout");
  expect(rows.begin).toBeGreaterThan(30_000);
  expect(rows.row(rows.end - 1).text).toMatch(/^line 99999 /);
  expect(rows.indexOf(rows.row(rows.begin + 5).number)).toBe(rows.begin + 5);
  expect(rows.indexOf(3)).toBeUndefined();
  const [, part, next] = store.parts;
  if (!part || !next) throw new Error("there are parts");
  const again = new LogStore(undefined, part.seed);
  for (const event of writer.events) if (event.seq > part.after && event.seq <= next.after) again.take(event);
  expect(again.firstLine).toBe(part.firstLine);
  expect(again.lines).toBe(next.firstLine);
  const whole = rowsOf(writer.into(new LogStore({ characters: 1e9, lines: 1e9 })), null);
  const shown = rowsOf(again, null);
  for (const index of [shown.begin, shown.begin + 1, again.lines - 1]) expect(shown.row(index)).toEqual(whole.row(index));
});

test("more lines than a browser can show give way too", () => {
  const writer = new Writer();
  for (let chunk = 0; chunk < 20; chunk += 1) writer.log("stdout", "\n".repeat(1_000));
  const store = writer.into(new LogStore({ characters: 1e9, lines: 5_000 }));
  expect(store.lines - store.firstLine).toBeLessThanOrEqual(6_000);
});

test("100,000 lines are taken and searched in a time that grows with them", () => {
  const writer = new Writer();
  for (let chunk = 0; chunk < 1_000; chunk += 1)
    writer.log("stdout", Array.from({ length: 100 }, (_, at) => `\x1b[32m${chunk * 100 + at}\x1b[0m some output of a build that says a lot\n`).join(""));
  const began = performance.now();
  const rows = rowsOf(writer.into(new LogStore()), null);
  const found = search(rows, patternOf("99 SOME (") ?? /x/, rows.begin, rows.end);
  const more = search(rows, patternOf("999 some") ?? /x/, rows.begin, rows.end);
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(found).toEqual([]);
  expect(more).toHaveLength(100);
});

test("a search goes round", () => {
  expect(nextOf([3, 5, 9], 5, 1)).toBe(2);
  expect(nextOf([3, 5, 9], 9, 1)).toBe(0);
  expect(nextOf([3, 5, 9], 3, -1)).toBe(2);
  expect(nextOf([], 0, 1)).toBe(-1);
});

test.each([
  "Error: it broke",
  "TypeError: x is not a function",
  "src/a.ts:3:5 - error TS2322: no",
  "src/a.ts(3,5): error TS2322: no",
  "error[E0382]: borrow of moved value",
  "main.c:4:2: error: expected ';'",
  "npm ERR! code 1",
  "not ok 3 - sums",
  "\x1b[31mFAIL\x1b[0m src/sum.test.ts",
  "--- FAIL: TestSum",
  "Traceback (most recent call last):",
  "thread 'main' panicked at src/main.rs",
  "sh: 1: tsc: command not found",
  "✗ sum is wrong",
])("%j looks like an error", (line) => {
  expect(looksLikeError(line)).toBe(true);
});

test.each(["0 errors", "no errors found", "Compiled without errors: 0", "ok 3 - error handling", "  at src/error.ts:3", "Tests passed", "errors: 0"])(
  "%j does not",
  (line) => {
    expect(looksLikeError(line)).toBe(false);
  },
);

test("the first error of a log is found", () => {
  const writer = new Writer();
  writer.log("stdout", "all is well\nError: no\nError: again\n");
  const rows = rowsOf(writer.into(new LogStore()), null);
  expect(firstError(rows, rows.begin, rows.end)).toBe(2);
  expect(firstError(rows, 4, rows.end)).toBeUndefined();
});
