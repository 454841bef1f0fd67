import type { EventBody, JobEvent } from "@slipway/protocol/events";
import { type JobDetail, jobDetailSchema } from "@slipway/protocol/job";
import { countEvents, machineOf } from "@slipway/server/evidence/facts";
import { fileKind } from "@slipway/server/evidence/file-kinds";
import { spansOf } from "@slipway/server/evidence/spans";
import { transcriptOf } from "@slipway/server/evidence/transcript";
import { describe, expect, it } from "vitest";
import { sampleJob } from "../support/sample-job.ts";

const JOB = sampleJob({ createdAt: 1_000, endedAt: 9_000, state: "failed" });

function eventsOf(...bodies: Array<EventBody & { fence?: number | null }>): JobEvent[] {
  return bodies.map(({ fence = 1, ...body }, index) => ({ jobId: JOB.id, seq: index + 1, fence, at: 2_000 + index * 100, ...body }) as JobEvent);
}

const gate = (name: string, status: "started" | "passed" | "failed" | "skipped", round: number): EventBody => ({ kind: "gate", data: { name, status, round } });
const check = (name: string, passed: boolean, findings: string[]): EventBody => ({ kind: "check", data: { name, passed, findings } });

describe("countEvents", () => {
  it("counts turns, repairs and tools of all attempts, and gates and checks as they stood at first", () => {
    const events = eventsOf(
      { kind: "turn", data: { turn: 1, status: "started", reason: "task" } },
      { kind: "tool-call", data: { callId: "1", name: "shell", input: "ls" } },
      { kind: "tool-result", data: { callId: "1", output: "no", isError: true } },
      { kind: "turn", data: { turn: 1, status: "failed", reason: "task", code: "RUNNER_LOST" } },
      { fence: 2, kind: "turn", data: { turn: 1, status: "started", reason: "task" } },
      gate("lint", "failed", 0),
      gate("test", "skipped", 0),
      { kind: "turn", data: { turn: 2, status: "started", reason: "repair" } },
      gate("lint", "passed", 1),
      gate("test", "passed", 1),
      check("scope", false, ["a", "b"]),
      check("whitespace", true, ["c"]),
      check("scope", true, []),
    );
    expect(countEvents(events)).toEqual({
      ...{ turns: 3, failedTurns: 1, repairs: 1, toolCalls: 1, toolErrors: 1 },
      ...{ gates: 2, gatesAtFirst: 0, checks: 2, refusals: 2, warnings: 1 },
    });
  });
});

describe("machineOf", () => {
  const turn = (resources?: { cpuMs: number; peakMemoryBytes: number }): EventBody => ({
    kind: "turn",
    data: { turn: 1, status: "ended", reason: "task", ...(resources ? { resources } : {}) },
  });

  it("adds the times of all turns up, and takes the most of their memory", () => {
    const events = eventsOf(turn({ cpuMs: 500, peakMemoryBytes: 9_000 }), turn(), turn({ cpuMs: 250, peakMemoryBytes: 7_000 }));
    expect(machineOf(events)).toEqual({ cpuMs: 750, peakMemoryBytes: 9_000 });
  });

  it("is null where no runner told", () => {
    expect(machineOf(eventsOf(turn()))).toBeNull();
  });
});

describe("spansOf", () => {
  const detail: JobDetail = jobDetailSchema.parse({
    ...{ job: JOB, receipts: [], artifacts: [], completion: null, acts: [] },
    attempts: [
      {
        ...{ fence: 1, workerId: "w", workerName: "w", sandbox: "none", startedAt: 1_500, endedAt: 8_000, outcome: "failed" },
        ...{ failure: null, keptOid: null },
      },
    ],
  });

  it("puts what runs side by side in one phase below it, a repeated phase beside the first, and gives no end to what has none", () => {
    const phase = (name: "gates" | "turn", status: "started" | "ended"): EventBody => ({ kind: "phase", data: { phase: name, status } });
    const events = eventsOf(
      phase("gates", "started"),
      gate("a", "started", 0),
      gate("b", "started", 0),
      gate("b", "failed", 0),
      gate("a", "passed", 0),
      phase("gates", "ended"),
      phase("gates", "started"),
      gate("a", "started", 1),
    );
    const spans = spansOf(detail, events);
    const [job, attempt, first, a, b, second, again] = spans;
    expect(spans.map(({ name, parentSpanId }) => [name, spans.find(({ spanId }) => spanId === parentSpanId)])).toEqual([
      ["job", undefined],
      ["attempt", job],
      ["gates", attempt],
      ["gate a", first],
      ["gate b", first],
      ["gates", attempt],
      ["gate a", second],
    ]);
    expect([a, b, again].map((span) => [span?.status.code, span?.endTimeUnixNano])).toEqual([
      ["OK", "2400000000"],
      ["ERROR", "2300000000"],
      ["UNSET", null],
    ]);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    expect(job).toMatchObject({ startTimeUnixNano: "1000000000", endTimeUnixNano: "9000000000", status: { code: "ERROR" } });
  });

  it("is the attempts alone where no events are kept", () => {
    expect(spansOf(detail, []).map(({ name }) => name)).toEqual(["job", "attempt"]);
  });
});

describe("transcriptOf", () => {
  it("lets no output close its own block, and cuts what is long", () => {
    const text = transcriptOf(
      JOB,
      eventsOf(
        { kind: "tool-result", data: { callId: "1", output: "```\nsecret heading\n````", isError: false } },
        { kind: "message", data: { role: "agent", text: "x".repeat(20_000) } },
      ),
    );
    expect(text).toContain("It gave:\n\n`````\n```\nsecret heading\n````\n`````");
    expect(text.length).toBeLessThan(9_000);
    expect(text).toContain("[…]");
  });
});

describe("fileKind", () => {
  it.each([
    ["src/sum.ts", "code"],
    ["src/sum.test.ts", "test"],
    [".github/tests/run.sh", "test"],
    ["docs/page.html", "docs"],
    ["README.md", "docs"],
    ["package.json", "other"],
    ["Makefile", "code"],
  ])("%s is %s", (path, kind) => {
    expect(fileKind(path, ["**/*.{test,spec}.*", "**/{test,tests,spec}/**"], false)).toBe(kind);
  });
});
