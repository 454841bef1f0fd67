import type { EventBody, JobEvent } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { Screen } from "../terminal/screen.ts";
import { ProgressView } from "./progress-view.ts";

function modelCall(inputTokens: number, costUsd: number, more: { outcome?: "ok" | "failed"; code?: "BACKEND_RATE_LIMITED"; status?: number } = {}): EventBody {
  return {
    kind: "model-call",
    data: {
      callId: "01a",
      provider: "openai",
      model: "gpt-5-codex",
      outcome: "ok",
      status: 200,
      usage: { inputTokens, cachedInputTokens: 0, outputTokens: 100, reasoningTokens: 0, costUsd },
      estimated: false,
      durationMs: 900,
      firstByteMs: 300,
      ...more,
    },
  };
}

const turnEnded: EventBody = { kind: "turn", data: { turn: 1, reason: "task", status: "ended" } };

class RecordingScreen extends Screen {
  readonly lines: string[] = [];

  /** Without the time in front. */
  override progress(line = ""): void {
    this.lines.push(line.slice(9));
  }
}

/** The lines that the view prints of these events. */
function linesOf(events: readonly EventBody[], options: ConstructorParameters<typeof ProgressView>[1]): string[] {
  const screen = new RecordingScreen();
  const view = new ProgressView(screen, options);
  for (const [index, event] of events.entries()) view.show({ jobId: "j", seq: index + 1, fence: 1, at: 0, ...event } as JobEvent);
  return screen.lines;
}

test("what the models took is told once a turn, all of the job together, with the share of the budget", () => {
  const events = [modelCall(10_000, 0.1), modelCall(20_000, 0.2), turnEnded, turnEnded, modelCall(10_000, 0.1), turnEnded];
  expect(linesOf(events, { budget: { usd: 4 } })).toEqual([
    "· 2 model calls: 30k tokens in, 200 out, $0.30 – 8 % of $4.00",
    "· 3 model calls: 40k tokens in, 300 out, $0.40 – 10 % of $4.00",
  ]);
});

test("a call that failed is told at once, the others with verbose only", () => {
  const failed = modelCall(0, 0, { outcome: "failed", code: "BACKEND_RATE_LIMITED", status: 429 });
  expect(linesOf([modelCall(10_000, 0.1), failed], {})).toEqual(["! model call failed BACKEND_RATE_LIMITED (429)"]);
  expect(linesOf([modelCall(10_000, 0.1)], { verbose: true })).toEqual(["· gpt-5-codex: 10k tokens in, 100 out, $0.10 900 ms"]);
});

test("of an attempt that ends in the middle of a turn the calls are told too", () => {
  const requeued: EventBody = { kind: "state", data: { from: "running", to: "queued", on: "failed", reason: "", code: "RUNNER_LOST" } };
  expect(linesOf([modelCall(10_000, 0), requeued], {})[0]).toBe("· 1 model call: 10k tokens in, 100 out");
});
