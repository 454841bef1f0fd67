import { SlipwayError } from "@slipway/protocol/errors";
import type { AttemptModel } from "@slipway/protocol/gateway-api";
import type { Failure, JobView } from "@slipway/protocol/job";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failedOutcome } from "../../apps/worker/src/attempt/report.ts";
import { runAttempt } from "../../apps/worker/src/job/run-attempt.ts";
import type { MemoryEvidence, Sandbox } from "../../apps/worker/src/sandbox/sandbox.ts";
import { TestAttempt } from "../support/attempt-context.ts";
import { Life } from "../support/mortal-worker.ts";
import { ProcessProvider } from "../support/process-sandbox.ts";
import { sampleManifest } from "../support/sample-job.ts";

const USAGE = { inputTokens: 7, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };
const RATE_LIMITED: AttemptModel = {
  calls: 2,
  usage: USAGE,
  failure: { code: "BACKEND_RATE_LIMITED", message: "Slow down.", details: { provider: "openai" } },
  retryAfterMs: 20_000,
};
const FINE: AttemptModel = { calls: 1, usage: USAGE, failure: null, retryAfterMs: null };

let attempts: TestAttempt[];
beforeEach(() => {
  attempts = [];
});
afterEach(async () => {
  for (const attempt of attempts) await attempt[Symbol.asyncDispose]();
});

interface Setting {
  readonly attempt: TestAttempt;
  readonly provider: ProcessProvider;
  /** How often the server was asked. */
  asked(): number;
}

/** An attempt whose turns are shell commands, of a backend that needs a model unless `model` is false; the server answers with these one after the other, the last one for ever. */
async function setUp(
  turns: string[],
  answers: ReadonlyArray<AttemptModel | SlipwayError>,
  { model = true, job = {} as Partial<JobView> } = {},
): Promise<Setting> {
  const provider = new ProcessProvider(turns);
  const attempt = await TestAttempt.make({ files: { sum: "3\n" }, provider, job, manifest: sampleManifest("script", model) });
  attempts.push(attempt);
  let asked = 0;
  attempt.model = () => {
    asked += 1;
    return answers[Math.min(asked, answers.length) - 1] ?? FINE;
  };
  return { attempt, provider, asked: () => asked };
}

async function failureOf(attempt: TestAttempt, life = new Life()): Promise<Failure & { retryAfterMs?: number | undefined }> {
  const error: unknown = await runAttempt(await attempt.context({ life })).then(
    (outcome) => Promise.reject(new Error(`the attempt ended well: ${JSON.stringify(outcome)}`)),
    (failure: unknown) => failure,
  );
  const { failure, retryAfterMs } = failedOutcome(error);
  return { ...failure, retryAfterMs };
}

describe("a backend that needs a model", () => {
  it("gets the gateway's socket as the sandbox sees it, and the attempt's token; one that needs none gets neither", async () => {
    const one = await setUp(["echo 2 > sum"], []);
    expect(await runAttempt(await one.attempt.context())).toMatchObject({ kind: "change" });
    const [sandbox] = one.provider.sandboxes;
    expect(sandbox?.requests[0]?.gateway).toEqual({ socket: sandbox?.inside.gateway, token: "slipmodel_test" });
    expect(one.asked()).toBe(0);
    const other = await setUp(["exit 3"], [RATE_LIMITED], { model: false });
    expect(await failureOf(other.attempt)).toMatchObject({ code: "BACKEND_FAILED" });
    expect(other.provider.sandboxes[0]?.requests[0]).not.toHaveProperty("gateway");
    expect(other.asked()).toBe(0);
  });

  it("fails by what the model's vendor said, with the wait that it asked for, and keeps the agent's words", async () => {
    const { attempt } = await setUp(["exit 3"], [RATE_LIMITED]);
    expect(await failureOf(attempt)).toEqual({
      code: "BACKEND_RATE_LIMITED",
      message: "Slow down.",
      details: { provider: "openai", retryAfterMs: 20_000, turn: 1, agentSaid: { code: "BACKEND_FAILED", message: "The agent ended with exit code 3." } },
      retryAfterMs: 20_000,
    });
    expect(attempt.events).toContainEqual({ kind: "turn", data: { turn: 1, reason: "task", status: "failed", code: "BACKEND_RATE_LIMITED" } });
  });

  it("keeps its own failure where its newest call succeeded; one that the gateway tells of a moment later counts too", async () => {
    const { attempt } = await setUp(["exit 3"], [FINE]);
    expect(await failureOf(attempt)).toMatchObject({ code: "BACKEND_FAILED", details: { turn: 1 } });
    const late = await setUp(["exit 3"], [{ ...FINE, calls: 0 }, RATE_LIMITED]);
    expect(await failureOf(late.attempt)).toMatchObject({ code: "BACKEND_RATE_LIMITED" });
  });

  it("names the model where it was out of time because that failed again and again, and the time where it did not", async () => {
    const overloaded: AttemptModel = { ...FINE, failure: { code: "MODEL_OVERLOADED", message: "529", details: {} } };
    const stuck = await setUp(["sleep 1000"], [overloaded], { job: { timeoutMs: 2_000 } });
    expect(await failureOf(stuck.attempt)).toMatchObject({ code: "MODEL_OVERLOADED", details: { agentSaid: { code: "AGENT_TIMEOUT" } } });
    const slow = await setUp(["sleep 1000"], [FINE], { job: { timeoutMs: 2_000 } });
    expect(await failureOf(slow.attempt)).toMatchObject({ code: "AGENT_TIMEOUT" });
  });

  it("keeps a failure that has a cause of its own, whatever the model said: memory, a lost runner", async () => {
    const killed = await setUp(["exit 3"], [RATE_LIMITED]);
    const context = await killed.attempt.context();
    const seen: Array<MemoryEvidence | null> = [null, { kills: 1, of: "sandbox", limitBytes: 268_435_456 }];
    const agentSandbox = async (readOnly: readonly string[]): Promise<Sandbox> =>
      Object.assign(await context.agentSandbox(readOnly), { memoryEvidence: () => seen.shift() ?? null });
    await expect(runAttempt({ ...context, agentSandbox })).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
    expect(killed.asked()).toBe(0);

    const lost = await setUp(["exec sleep 1000"], [RATE_LIMITED]);
    const losing = await lost.attempt.context();
    const begun = Promise.withResolvers<void>();
    const step = losing.journal.step.bind(losing.journal);
    losing.journal.step = async (key, work) => {
      if (key === "turn-1") begun.resolve();
      return await step(key, work);
    };
    const running = runAttempt(losing);
    const failed = expect(running).rejects.toMatchObject({ code: "RUNNER_LOST" });
    await begun.promise;
    for (const sandbox of lost.provider.sandboxes) await sandbox.lose();
    await failed;
    expect(lost.asked()).toBe(0);
  });

  it("asks again while the server is away, and keeps the agent's failure where that stays so or knows nothing", async () => {
    const away = new SlipwayError("SERVER_UNAVAILABLE");
    const back = await setUp(["exit 3"], [away, away, RATE_LIMITED]);
    expect(await failureOf(back.attempt)).toMatchObject({ code: "BACKEND_RATE_LIMITED" });
    expect(back.asked()).toBe(3);
    const gone = await setUp(["exit 3"], [away]);
    expect(await failureOf(gone.attempt)).toMatchObject({ code: "BACKEND_FAILED" });
    expect(gone.asked()).toBe(6);
    const stale = await setUp(["exit 3"], [new SlipwayError("NOT_FOUND")]);
    expect(await failureOf(stale.attempt)).toMatchObject({ code: "BACKEND_FAILED" });
    expect(stale.asked()).toBe(1);
  });

  it.each([
    { isWritten: true, code: "BACKEND_RATE_LIMITED", asked: 1 },
    { isWritten: false, code: "BACKEND_FAILED", asked: 3 },
  ])("stays with the judgement that a killed worker has written down, and judges anew where it had not (written: $isWritten)", async (row) => {
    const { attempt, provider, asked } = await setUp(["exit 3"], [RATE_LIMITED, FINE]);
    const first = new Life({ write: "journal turn-1", isWritten: row.isWritten });
    await failureOf(attempt, first);
    expect(first.isOver).toBe(true);
    expect(await failureOf(attempt)).toMatchObject({ code: row.code });
    expect(asked()).toBe(row.asked);
    expect(provider.calls.filter((call) => call === "turn-1")).toHaveLength(1);
  });
});
