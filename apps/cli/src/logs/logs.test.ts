import type { EventBody, JobEvent } from "@slipway/protocol/events";
import { describe, expect, test } from "vitest";
import { LineGrep } from "./line-grep.ts";
import { LineTail } from "./line-tail.ts";
import { LogFilter, type LogQuery } from "./log-filter.ts";

function log(text: string, stream = "stdout"): EventBody {
  return { kind: "log", data: { stream, offset: 0, text, encoding: "utf8" } };
}

const phase = (name: "setup" | "gates", status: "started" | "ended"): EventBody => ({ kind: "phase", data: { phase: name, status } });
const turn = (number: number, status: "started" | "ended"): EventBody => ({ kind: "turn", data: { turn: number, status, reason: "task" } });
const gate = (status: "started" | "failed"): EventBody => ({ kind: "gate", data: { name: "test", status, round: 0 } });

function eventsOf(...bodies: readonly EventBody[]): JobEvent[] {
  return bodies.map((body, index) => ({ jobId: "j", seq: index + 1, fence: 1, at: 1_000 * (index + 1), ...body }) as JobEvent);
}

function textOf(event: JobEvent | undefined): string | undefined {
  return event?.kind === "log" ? Buffer.from(event.data.text, event.data.encoding === "base64" ? "base64" : "utf8").toString() : event?.kind;
}

const JOB = eventsOf(
  phase("setup", "started"),
  log("installing\n", "setup"),
  phase("setup", "ended"),
  turn(1, "started"),
  log("thinking\n"),
  turn(1, "ended"),
  phase("gates", "started"),
  gate("started"),
  log("1 failed\n", "gate:test"),
  gate("failed"),
  phase("gates", "ended"),
  turn(2, "started"),
  log("mending\n"),
);

function taken(query: Partial<LogQuery>): Array<number> {
  const filter = new LogFilter({ after: 0, ...query });
  return JOB.filter((event) => filter.takes(event)).map(({ seq }) => seq);
}

describe("what is chosen", () => {
  test("by stream, phase, turn, gate, attempt, level, time and number; several all have to hold", () => {
    expect(taken({})).toHaveLength(JOB.length);
    expect(taken({ stream: "gate:test" })).toEqual([9]);
    expect(taken({ phase: "setup" })).toEqual([1, 2, 3]);
    expect(taken({ turn: 1 })).toEqual([4, 5, 6]);
    expect(taken({ turn: 2 })).toEqual([12, 13]);
    expect(taken({ gate: "test" })).toEqual([8, 9, 10]);
    expect(taken({ attempt: 2 })).toEqual([]);
    expect(taken({ level: "error" })).toEqual([10]);
    expect(taken({ since: 12_000 })).toEqual([12, 13]);
    expect(taken({ after: 12 })).toEqual([13]);
    expect(taken({ phase: "gates", stream: "stdout" })).toEqual([]);
  });

  test("who asks for a phase from a number on gets one that had begun before", () => {
    expect(new LogFilter({ after: 5, phase: "setup" }).from).toBe(0);
    expect(new LogFilter({ after: 5, stream: "stdout" }).from).toBe(5);
    expect(taken({ after: 1, phase: "setup" })).toEqual([2, 3]);
  });

  test("an attempt that ends in the middle of a turn ends the turn", () => {
    const state: EventBody = { kind: "state", data: { from: "running", to: "queued", on: "failed", reason: "" } };
    const filter = new LogFilter({ after: 0, turn: 1 });
    expect(eventsOf(turn(1, "started"), state, log("setup again\n")).filter((event) => filter.takes(event))).toHaveLength(1);
  });
});

describe("lines with an expression", () => {
  test("also those that come in pieces, in a sign's middle too, each stream by itself, and the last without an end", () => {
    const grep = new LineGrep(/err|ü/);
    const umlaut = Buffer.from("ü\n");
    const pieces = eventsOf(
      log("fine\nan er"),
      log("other\n", "stderr"),
      log("ror\nfine\n"),
      { kind: "log", data: { stream: "stdout", offset: 0, text: umlaut.subarray(0, 1).toString("base64"), encoding: "base64" } },
      { kind: "log", data: { stream: "stdout", offset: 0, text: umlaut.subarray(1).toString("base64"), encoding: "base64" } },
      log("no end, err"),
    );
    expect(pieces.map((event) => textOf(grep.take(event)))).toEqual([undefined, undefined, "an error\n", undefined, "ü\n", undefined]);
    expect(grep.end().map(textOf)).toEqual(["no end, err\n"]);
    expect(grep.end()).toEqual([]);
  });

  test("events by the words that they are told in", () => {
    const grep = new LineGrep(/gate test failed/);
    expect(eventsOf(gate("failed"), turn(1, "started")).map((event) => textOf(grep.take(event)))).toEqual(["gate", undefined]);
  });
});

describe("the last lines", () => {
  function tail(limit: number, ...bodies: EventBody[]): Array<string | undefined> {
    const lines = new LineTail(limit);
    for (const event of eventsOf(...bodies)) lines.add(event);
    return lines.events().map(textOf);
  }

  test("are counted across pieces, and the first piece is cut", () => {
    expect(tail(3, log("1\n2\n3\n"), log("4\n5\n"))).toEqual(["3\n", "4\n5\n"]);
    expect(tail(2, log("1\n2\n3\n"), log("4\n5\n"))).toEqual(["4\n5\n"]);
    expect(tail(1, log("1\n2\n3\n"))).toEqual(["3\n"]);
    expect(tail(9, log("1\n"), turn(1, "started"))).toEqual(["1\n", "turn"]);
    expect(tail(2, log("1\n"), turn(1, "started"), log("2\n"))).toEqual(["turn", "2\n"]);
  });

  test("of a line in pieces all are one, and one without an end is a line too", () => {
    expect(tail(2, log("1\n2 be"), log("gun\n3\n"))).toEqual(["2 be", "gun\n3\n"]);
    expect(tail(1, log("1\n2"), log(" goes"), log(" on"))).toEqual(["2", " goes", " on"]);
    expect(tail(1, log("x"), log("y\nz\n"))).toEqual(["z\n"]);
  });

  test("of a long log take little memory", () => {
    const lines = new LineTail(5);
    for (let count = 0; count < 100_000; count += 1) lines.add(eventsOf(log(`${count}\n`))[0] as JobEvent);
    expect(lines.events().map(textOf)).toEqual(["99995\n", "99996\n", "99997\n", "99998\n", "99999\n"]);
  });
});
