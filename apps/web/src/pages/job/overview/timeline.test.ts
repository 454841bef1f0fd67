import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail } from "@slipway/protocol/job";
import { expect, test } from "vitest";
import { isInTurn, nowOf } from "../head/now.ts";
import { timelineOf } from "./timeline.ts";

type Draft = { readonly at: number; readonly kind: JobEvent["kind"]; readonly data: unknown; readonly fence?: number | null };

function eventsOf(...drafts: readonly Draft[]): JobEvent[] {
  return drafts.map(({ fence = 1, ...rest }, index) => ({ jobId: "j", seq: index + 1, fence, ...rest }) as JobEvent);
}

const phase = (at: number, name: string, status: string, more: object = {}): Draft => ({ at, kind: "phase", data: { phase: name, status, ...more } });
const turn = (at: number, number: number, status: string, more: object = {}): Draft => ({
  at,
  kind: "turn",
  data: { turn: number, status, reason: "task", ...more },
});
const state = (at: number, from: string | null, to: string, reason = ""): Draft => ({ at, kind: "state", data: { from, to, on: "x", reason }, fence: null });

function detailOf(more: { endedAt?: number | null; state?: string; attempts?: unknown[] }): Pick<JobDetail, "job" | "attempts"> {
  const { endedAt = null, attempts = [], ...rest } = more;
  return { job: { endedAt, state: "running", landedOid: null, target: "main", fence: 1, kind: "task", ...rest }, attempts } as unknown as Pick<
    JobDetail,
    "job" | "attempts"
  >;
}
const attempt = (fence: number, startedAt: number, endedAt: number | null, outcome: string) => ({
  fence,
  startedAt,
  endedAt,
  outcome,
  workerName: "w",
  backend: "b",
  failure: null,
});

test("waiting, attempts with what was in them, and the landing, in their order", () => {
  const events = eventsOf(
    state(0, null, "queued"),
    state(10, "queued", "running"),
    phase(10, "prepare", "started"),
    phase(14, "prepare", "ended", { durationMs: 4, partsMs: { fetch: 1, workspace: 3 } }),
    phase(14, "turn", "started"),
    turn(15, 1, "started"),
    turn(40, 1, "failed", { code: "AGENT_STALLED" }),
    phase(40, "turn", "failed"),
    { at: 41, kind: "gate", data: { name: "test", status: "started", round: 0 } },
    { at: 50, kind: "gate", data: { name: "test", status: "failed", round: 0, exitCode: 2 } },
    state(60, "running", "integrating"),
    phase(62, "verify", "started", {}),
    phase(70, "verify", "ended", { durationMs: 8 }),
    state(80, "integrating", "done"),
  );
  const parts = timelineOf(detailOf({ endedAt: 80, state: "done", attempts: [attempt(1, 10, 60, "change")] }), events);
  expect(parts).toMatchObject([
    { title: "In the queue", from: 0, to: 10 },
    {
      title: "Attempt 1",
      from: 10,
      to: 60,
      end: "ok",
      spans: [
        {
          name: "prepare",
          from: 10,
          to: 14,
          end: "ok",
          parts: [
            ["workspace", 3],
            ["fetch", 1],
          ],
        },
        { kind: "turn", name: "turn 1", from: 15, to: 40, end: "failed", detail: "AGENT_STALLED" },
        { kind: "gate", name: "gate test", from: 41, to: 50, end: "failed", detail: "exit 2" },
      ],
    },
    { title: "Landing", from: 60, to: 80, end: "ok", spans: [{ name: "verify", from: 62, to: 70 }] },
  ]);
});

test("what was never told to end has ended with its attempt; what goes on, goes on", () => {
  const events = eventsOf(phase(10, "setup", "started"), { ...phase(30, "prepare", "started"), fence: 2 });
  const parts = timelineOf(detailOf({ attempts: [attempt(1, 9, 20, "expired"), attempt(2, 29, null, "running")] }), events);
  expect(parts).toMatchObject([
    { end: "failed", spans: [{ name: "setup", to: 20, end: "cut" }] },
    { end: "open", to: null, spans: [{ name: "prepare", to: null, end: "open" }] },
  ]);
});

test("without events there are still its attempts", () => {
  expect(timelineOf(detailOf({ endedAt: 9, state: "failed", attempts: [attempt(1, 3, 9, "failed")] }), [])).toMatchObject([{ title: "Attempt 1", spans: [] }]);
});

test("what it does now", () => {
  const { job } = detailOf({});
  const begun = [state(0, null, "queued"), state(5, "queued", "running")];
  expect(nowOf({ ...job, state: "done" }, [])).toBeUndefined();
  expect(nowOf(job, eventsOf(...begun))).toEqual({ what: "begins", since: 5 });
  const inTurn = eventsOf(...begun, phase(6, "turn", "started"), turn(7, 2, "started"));
  expect(nowOf(job, inTurn)).toEqual({ what: "turn 2: its agent works", since: 7 });
  expect(isInTurn(job, inTurn)).toBe(true);
  expect(isInTurn(job, eventsOf(...begun, turn(7, 2, "started"), turn(8, 2, "ended")))).toBe(false);
  const inGate = eventsOf(...begun, phase(6, "gates", "started"), { at: 8, kind: "gate", data: { name: "test", status: "started", round: 0 } });
  expect(nowOf(job, inGate)).toEqual({ what: "runs the gate test", since: 8 });
});
