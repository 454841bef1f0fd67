import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { toSlipwayError } from "@slipway/protocol/errors";
import { describe, expect, it } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { type KillAt, Life } from "../support/mortal-worker.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";
import { git } from "../support/repository.ts";

const FILES = {
  ".slipway.yaml": "setup:\n  commands: [echo ready]\ngates:\n  - name: sum\n    run: 'cat sum; grep -qx 2 sum'\n  - name: lint\n    run: echo clean\n",
  sum: "3\n",
};
/** Each turn leaves a trace: one that ran twice would be seen in the commit. */
const TURNS = ["echo 4 > sum; echo first >> trace", "echo 2 > sum; echo second >> trace"];
/** What may come a second time, because a command that was cut off runs again; and what tells of that. */
const RERUN = /runs again from its beginning/;

interface Run {
  /** What the sandbox was asked to do; that a sandbox ends is no effect on anything outside. */
  readonly calls: readonly string[];
  readonly pushes: number;
  /** All that was told, in its order, but for logs, times and the notice of a second run. */
  readonly events: readonly string[];
  readonly reruns: number;
  readonly logs: ReadonlyMap<string, string>;
  readonly trace: string;
  /** `failed CODE`, where no change came of it. */
  readonly ending: string;
  readonly writes: readonly string[];
}

/** Runs one attempt to its end, where asked for with a worker that is killed at a write and started again. */
async function runWith(killAt?: KillAt, files: Record<string, string> = FILES): Promise<Run> {
  const provider = new ProcessProvider(TURNS);
  await using attempt = await TestAttempt.make({ files, provider });
  if (killAt) {
    const first = new Life(killAt);
    await expect(runAttempt(await attempt.context({ life: first }))).rejects.toThrow();
    expect(first.isOver, `${killAt.write} came`).toBe(true);
  }
  const life = new Life();
  const outcome = await runAttempt(await attempt.context({ life })).catch((error: unknown) => toSlipwayError(error));
  let trace = "";
  if (!(outcome instanceof Error)) {
    if (outcome.kind !== "change") throw new Error("no change came of it");
    expect(await git(`${attempt.hubRoot}/jobs.git`, "rev-parse", `refs/slipway/jobs/${attempt.job.id}/1`)).toBe(outcome.oid);
    trace = await git(`${attempt.hubRoot}/jobs.git`, "show", `${outcome.oid}:trace`);
  }
  const told = attempt.events.filter(({ kind }) => kind !== "log").map((event) => JSON.stringify([event.kind, { ...event.data, durationMs: 0, partsMs: {} }]));
  const lines = (await readFile(join(attempt.paths.root, "events.jsonl"), "utf8")).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).ordinal)).toEqual(lines.map((_, index) => index + 1));
  return {
    calls: provider.calls.filter((call) => call !== "end"),
    pushes: attempt.writes.filter((write) => write === "push").length,
    events: told.filter((event) => !RERUN.test(event)),
    reruns: told.filter((event) => RERUN.test(event)).length,
    logs: attempt.logs,
    trace,
    ending: outcome instanceof Error ? `failed ${outcome.code}` : outcome.kind,
    writes: [...new Set(life.writes)],
  };
}

/** What anybody but the sandbox sees of a run. */
function effectsOf({ events, pushes, trace, ending }: Run): Pick<Run, "events" | "pushes" | "trace" | "ending"> {
  return { events, pushes, trace, ending };
}

/** Whether all lines are there, in their order; between them there may be others. */
function isWithin(text: string, log: string): boolean {
  const lines = text.trimEnd().split("\n").reverse();
  for (const line of log.trimEnd().split("\n")) if (line === lines.at(-1)) lines.pop();
  return lines.length === 0;
}

/** The writes at which the worker is killed: all of those that keep a result, and of those that only tell of something some, for the time's sake. */
function worthDyingAt(writes: readonly string[]): string[] {
  const told = ["turn-1:started", "runner 1", "gate-0-sum:ended", "gates-0:ended", "commit:phase:started", "check-scope"].map((name) => `event ${name}`);
  const keepsResult = (write: string): boolean => write.startsWith("journal ") && !write.endsWith(":started");
  return writes.filter((write) => process.env["SLIPWAY_HEAVY"] === "1" || keepsResult(write) || write.startsWith("log ") || told.includes(write));
}

describe("a worker that is killed and started again", () => {
  it("tells of everything once and does nothing twice, whichever write it had just made", async () => {
    const whole = await runWith();
    expect(whole).toMatchObject({ trace: "first\nsecond", ending: "change", reruns: 0, pushes: 1 });
    expect(whole.writes.length).toBeGreaterThan(50);
    for (const write of worthDyingAt(whole.writes)) {
      const run = await runWith({ write, isWritten: true });
      expect(effectsOf(run), `killed after ${write}`).toEqual(effectsOf(whole));
      // A command whose end was not recorded runs again, and that is told; everything else runs once.
      if (run.reruns === 0) expect({ calls: run.calls, logs: run.logs }, `killed after ${write}`).toEqual({ calls: whole.calls, logs: whole.logs });
      else expect(write).toMatch(/^(log |event (setup|base-\d|gate-\d-\w+):started)/);
    }
  }, 240_000);

  it("comes to the same result and tells of it once when it dies before a write, and runs no turn twice", async () => {
    const whole = await runWith();
    for (const write of worthDyingAt(whole.writes)) {
      const run = await runWith({ write, isWritten: false });
      expect(run.events, `killed before ${write}`).toEqual(whole.events);
      expect(run.trace, `killed before ${write}`).toBe("first\nsecond");
      expect(run.calls.filter((call) => call.startsWith("turn-"))).toEqual(["turn-1", "turn-2"]);
      for (const [stream, text] of whole.logs) expect(isWithin(text, run.logs.get(stream) ?? ""), `${stream}, killed before ${write}`).toBe(true);
    }
  }, 240_000);

  it("stays with a failure that was told, and tells of it once", async () => {
    const files = { ...FILES, ".slipway.yaml": "setup:\n  commands: ['test -e ../tried; code=$?; touch ../tried; exit $code']\n" };
    const whole = await runWith(undefined, files);
    expect(whole.ending).toBe("failed SETUP_FAILED");
    for (const isWritten of [true, false]) {
      for (const write of whole.writes.filter((name) => name.endsWith("setup:failed"))) {
        const run = await runWith({ write, isWritten }, files);
        // Dying before the failure is written down, it has not been told: the setup runs again, and this one ends well the second time.
        const expected = isWritten || write.startsWith("event") ? { ending: whole.ending, events: whole.events } : { ending: "change", reruns: 1 };
        expect(run, `killed at ${write}`).toMatchObject(expected);
      }
    }
  }, 60_000);

  it("does not begin a turn again that was begun in a sandbox that is gone", async () => {
    const provider = new ProcessProvider(["echo once >> trace; exec sleep 1000"]);
    await using attempt = await TestAttempt.make({ files: FILES, provider });
    const context = await attempt.context();
    const begun = Promise.withResolvers<void>();
    const step = context.journal.step.bind(context.journal);
    context.journal.step = async (key, work) => {
      if (key === "turn-1") begun.resolve();
      return await step(key, work);
    };
    const first = runAttempt(context);
    await begun.promise;
    for (const sandbox of provider.sandboxes) await sandbox.lose();
    await expect(first).rejects.toMatchObject({ code: "RUNNER_LOST" });
    await expect(runAttempt(await attempt.context())).rejects.toMatchObject({ code: "RUNNER_LOST" });
    expect(provider.calls.filter((call) => call === "turn-1").length).toBeLessThanOrEqual(1);
  });
});
