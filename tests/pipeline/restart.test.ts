import { describe, expect, it } from "vitest";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";
import { git } from "../support/repository.ts";
import { type KillAt, Killed } from "../support/test-journal.ts";

const FILES = {
  ".slipway.yaml": "setup:\n  commands: [echo ready]\ngates:\n  - name: sum\n    run: 'cat sum; grep -qx 2 sum'\n  - name: lint\n    run: echo clean\n",
  sum: "3\n",
};
/** Each turn leaves a trace: one that ran twice would be seen in the commit. */
const TURNS = ["echo 4 > sum; echo first >> trace", "echo 2 > sum; echo second >> trace"];

/** Steps after which the worker is killed: all that do something; of those that only tell of it some, for the time's sake. */
function worthKillingAt(steps: readonly string[]): string[] {
  const told = ["turn-1:started", "gate-0-sum:ended", "gates-0:ended", "commit:phase:started", "checks:ended"];
  return steps.filter((step) => process.env["SLIPWAY_HEAVY"] === "1" || told.includes(step) || !/:(started|ended)$/.test(step));
}

interface Run {
  /** What the sandbox was asked to do; that a sandbox ends is no effect on anything outside. */
  readonly calls: readonly string[];
  readonly writes: readonly string[];
  readonly events: readonly string[];
  readonly trace: string;
  readonly steps: readonly string[];
}

/** Runs one attempt to its end, where asked for with a worker that is killed at a step and started again. */
async function runWith(killAt?: KillAt): Promise<Run> {
  const provider = new ProcessProvider(TURNS);
  await using attempt = await TestAttempt.make({ files: FILES, provider });
  if (killAt) await expect(runAttempt(await attempt.context({ killAt }))).rejects.toBeInstanceOf(Killed);
  const outcome = await runAttempt(await attempt.context());
  if (outcome.kind !== "change") throw new Error("no change came of it");
  const jobs = `${attempt.hubRoot}/jobs.git`;
  expect(await git(jobs, "rev-parse", `refs/slipway/jobs/${attempt.job.id}/1`)).toBe(outcome.oid);
  const events = attempt.events.map((event) => JSON.stringify([event.kind, { ...event.data, durationMs: 0 }]));
  const calls = provider.calls.filter((call) => call !== "end");
  return { calls, writes: attempt.writes, events, trace: await git(jobs, "show", `${outcome.oid}:trace`), steps: await attempt.steps() };
}

describe("a worker that is killed and started again", () => {
  it("does nothing twice, whichever step it had just recorded", async () => {
    const whole = await runWith();
    expect(whole.trace).toBe("first\nsecond");
    const steps = worthKillingAt(whole.steps);
    expect(steps.length).toBeGreaterThan(15);
    for (const step of steps) expect(await runWith({ step, recorded: true }), `killed after ${step}`).toEqual(whole);
  }, 120_000);

  it("comes to the same result when it dies before a step is recorded, and runs no turn twice", async () => {
    for (const step of worthKillingAt((await runWith()).steps)) {
      const run = await runWith({ step, recorded: false });
      expect(run.trace, `killed at ${step}`).toBe("first\nsecond");
      expect(run.calls.filter((call) => call.startsWith("turn-"))).toEqual(["turn-1", "turn-2"]);
    }
  }, 120_000);

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
