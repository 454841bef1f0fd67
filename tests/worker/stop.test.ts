import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Failure } from "@slipway/protocol/job";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AttemptContext } from "../../apps/worker/src/attempt/context.ts";
import { KEPT_STEP } from "../../apps/worker/src/attempt/report.ts";
import { WorkerDaemon } from "../../apps/worker/src/daemon/daemon.ts";
import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { INSTALL_ROOT, request } from "../sandbox/bench.ts";
import { processesWith } from "../sandbox/live-processes.ts";
import { StubServer } from "./stub-server.ts";

/** The server's word that no further model call of an attempt can succeed, with real sandboxes and agents. */
const FAILURE: Failure = { code: "BUDGET_EXCEEDED", message: "The attempt used up its 1000 tokens.", details: { budget: "attemptTokens", limit: 1_000 } };

let stub: StubServer;
let root: string;
let daemon: WorkerDaemon | undefined;
beforeEach(async () => {
  stub = await StubServer.start();
  root = await mkdtemp(join(tmpdir(), "slipway-stop-"));
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  await stub[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

async function start(
  kind: "bwrap" | "none",
  runAttempt: (context: AttemptContext) => Promise<never>,
  onLog = (_line: string): void => {},
): Promise<WorkerDaemon> {
  const runtimeFolder = join(root, "run");
  daemon = await WorkerDaemon.start({
    dataFolder: join(root, "data"),
    url: stub.url,
    token: "t",
    name: "test",
    slots: 1,
    verifySlots: 1,
    provider: createSandboxProvider(kind, { runtimeFolder, installRoot: INSTALL_ROOT, maskPaths: [], gatewayFolder: join(runtimeFolder, "gateway") }),
    manifests: [],
    toolchains: [],
    runAttempt,
    version: "0",
    log: pino({ level: "info" }, { write: onLog }),
    signal: new AbortController().signal,
    // A renewal must not be what ends it.
    renewMs: 3_000,
  });
  await stub.until(() => stub.connectedSignals === 1);
  return daemon;
}

describe.each(["bwrap", "none"] as const)("a stop in %s", (kind) => {
  test("ends the agent within a second, and the attempt with the failure that it carries", async () => {
    const mark = `6${process.pid}.${kind.length}`;
    const begun = Promise.withResolvers<void>();
    const running = await start(kind, async (context) => {
      const sandbox = await context.agentSandbox([]);
      const steps = [{ daemon: `exec setsid sleep ${mark}` }, { print: "ready" }, { hang: { ignoreAbort: true } }];
      const onEvent = async (_ordinal: number, _at: number, { kind: what }: { kind: string }): Promise<void> => void (what === "message" && begun.resolve());
      await sandbox.turn(request(sandbox, steps), { afterOrdinal: 0, onEvent, signal: context.signal });
      throw new Error("the turn ended by itself");
    });
    const jobId = stub.enqueue();
    await begun.promise;
    // A process that was started is another program's for a moment.
    await expect.poll(() => processesWith(mark).length, { timeout: 5_000, interval: 5 }).toBe(1);
    const stoppedAt = performance.now();
    stub.signal({ type: "stop", jobId, fence: 1, failure: FAILURE });
    await stub.until(() => stub.attempt(jobId).outcome !== undefined);
    while (processesWith(mark).length > 0 && performance.now() - stoppedAt < 5_000) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(performance.now() - stoppedAt).toBeLessThan(1_000);
    expect(stub.attempt(jobId).outcome).toEqual({ kind: "failed", failure: FAILURE });
    running.drain();
    await running.idle;
  });
});

test("a stop of an attempt that is over, or of another one of the job, does nothing", async () => {
  const mayGoOn = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  const runAttempt = async (context: AttemptContext): Promise<never> => {
    signals.push(context.signal);
    if (signals.length === 2) await mayGoOn.promise;
    throw new Error("its own end");
  };
  const running = await start("none", runAttempt, (line) => void (line.includes("draining") && mayGoOn.resolve()));
  const jobId = stub.enqueue();
  await stub.until(() => stub.attempts.get(`${jobId}-1`)?.outcome !== undefined);
  stub.enqueue("task", jobId);
  await stub.until(() => signals.length === 2);
  stub.signal({ type: "stop", jobId, fence: 1, failure: FAILURE });
  stub.signal({ type: "stop", jobId, fence: 3, failure: FAILURE });
  // Signals come in their order: when this one has had its effect, the others have had theirs.
  stub.signal({ type: "drain" });
  await running.idle;
  // Its lease may have been found over once the attempt was.
  const reasons = signals.map(({ reason }) => (reason instanceof SlipwayError ? reason.code : reason));
  expect(reasons.filter((code) => code !== undefined && code !== "LEASE_LOST")).toEqual([]);
  expect([1, 2].map((fence) => stub.attempt(jobId, fence).outcome)).toMatchObject([1, 2].map(() => ({ failure: { code: "INTERNAL" } })));
});

describe("what the pipeline keeps after a stop", () => {
  const KEPT = { oid: "c".repeat(40), diffStat: { files: 1, insertions: 1, deletions: 0 } };

  /** Works until the server ends it, and keeps the work then, as long as the attempt is still the worker's. */
  async function keeping(begun: () => void, keep: (context: AttemptContext) => Promise<void>): Promise<WorkerDaemon> {
    return await start("none", async (context) => {
      begun();
      await aborted(context.signal);
      await context.journal.step(KEPT_STEP, async () => {
        await keep(context);
        return KEPT;
      });
      throw context.signal.reason;
    });
  }

  async function aborted(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await once(signal, "abort");
  }

  test("is named by the outcome with the failure that the stop carries", async () => {
    const begun = Promise.withResolvers<void>();
    const running = await keeping(begun.resolve, async ({ lost }) => expect(lost.aborted).toBe(false));
    const jobId = stub.enqueue();
    await begun.promise;
    stub.signal({ type: "stop", jobId, fence: 1, failure: FAILURE });
    await stub.until(() => stub.attempt(jobId).outcome !== undefined);
    expect(stub.attempt(jobId).outcome).toEqual({ kind: "failed", failure: FAILURE, kept: KEPT });
    running.drain();
    await running.idle;
  });

  test("is left out where the server does not take it: the failure stands", async () => {
    const finishes: string[] = [];
    stub.onRequest = (name) => {
      if (name === "finish" && finishes.push(name) === 1) throw new SlipwayError("COMMIT_INVALID", "Nothing was pushed to the hub under this attempt's ref.");
    };
    const begun = Promise.withResolvers<void>();
    const running = await keeping(begun.resolve, async () => undefined);
    const jobId = stub.enqueue();
    await begun.promise;
    stub.signal({ type: "stop", jobId, fence: 1, failure: FAILURE });
    await stub.until(() => stub.attempt(jobId).outcome !== undefined);
    expect([finishes.length, stub.attempt(jobId).outcome]).toEqual([2, { kind: "failed", failure: FAILURE }]);
    running.drain();
    await running.idle;
  });

  test("ends at once where the job is cancelled meanwhile, and nothing is reported", async () => {
    const [begun, keeps] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const running = await keeping(begun.resolve, async ({ lost }) => {
      keeps.resolve();
      await aborted(lost);
      throw lost.reason;
    });
    const jobId = stub.enqueue();
    await begun.promise;
    stub.signal({ type: "stop", jobId, fence: 1, failure: FAILURE });
    await keeps.promise;
    stub.signal({ type: "revoked", jobId, fence: 1, reason: "cancelled" });
    running.drain();
    await running.idle;
    expect(stub.attempt(jobId).outcome).toBeUndefined();
  });
});
