import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, watch, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gitText, runGit } from "@slipway/git/exec";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Outcome } from "@slipway/protocol/worker-api";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AttemptContext } from "../../apps/worker/src/attempt/context.ts";
import { WorkerDaemon } from "../../apps/worker/src/daemon/daemon.ts";
import type { DaemonOptions } from "../../apps/worker/src/daemon/options.ts";
import { isAlive } from "../../apps/worker/src/sandbox/processes.ts";
import type { Sandbox } from "../../apps/worker/src/sandbox/sandbox.ts";
import { ProcessProvider } from "./process-provider.ts";
import { StubServer } from "./stub-server.ts";

const log = pino({ level: process.env["SLIPWAY_TEST_LOG"] ?? "silent" });
const CHANGE: Outcome = { kind: "change", oid: "b".repeat(40), diffStat: { files: 1, insertions: 1, deletions: 0 } };
let stub: StubServer;
let dataFolder: string;
let provider: ProcessProvider;
let daemon: WorkerDaemon | undefined;

beforeEach(async () => {
  stub = await StubServer.start();
  dataFolder = await mkdtemp(join(tmpdir(), "slipway-daemon-"));
  provider = new ProcessProvider();
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  await stub[Symbol.asyncDispose]();
  await rm(dataFolder, { recursive: true, force: true });
});

async function start(runAttempt: DaemonOptions["runAttempt"], more: Partial<DaemonOptions> = {}): Promise<WorkerDaemon> {
  daemon = await WorkerDaemon.start({
    dataFolder,
    url: stub.url,
    token: "t",
    name: "test",
    slots: 1,
    verifySlots: 1,
    provider,
    manifests: [],
    toolchains: [],
    runAttempt,
    version: "0",
    log,
    signal: new AbortController().signal,
    renewMs: 100,
    ...more,
  });
  return daemon;
}

const worker = (...names: string[]): string => join(dataFolder, "worker", ...names);
const ended =
  (jobId: string, fence = 1) =>
  (): boolean =>
    stub.attempts.get(`${jobId}-${fence}`)?.outcome !== undefined;

/** Resolves when this path, which is there now, is gone. */
async function watchGone(path: string): Promise<void> {
  for await (const _ of watch(dirname(path), { signal: AbortSignal.timeout(20_000) })) if (!existsSync(path)) return;
}

/** A pipeline that works until its signal aborts. */
async function untilAborted({ signal }: AttemptContext): Promise<Outcome> {
  signal.throwIfAborted();
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  return CHANGE;
}

test("an attempt runs to its reported outcome, its events before it, and leaves nothing but the job's home", async () => {
  const seen: AttemptContext["paths"][] = [];
  const running = await start(async (context) => {
    seen.push(context.paths);
    await context.events.emit({ kind: "phase", data: { phase: "prepare", status: "started" } });
    expect(await readdir(context.paths.workspace)).toEqual([]);
    const sandbox = await context.agentSandbox(["/usr"]);
    expect(sandbox.record.spec.workspace).toBe(context.paths.workspace);
    await writeFile(join(context.paths.home, "session"), "1");
    await mkdir(join(context.paths.workspace, "locked"));
    await writeFile(join(context.paths.workspace, "locked", "file"), "");
    await chmod(join(context.paths.workspace, "locked"), 0);
    context.events.log("setup", Buffer.from("done\n"));
    return CHANGE;
  });
  const jobId = stub.enqueue();
  await stub.until(ended(jobId));
  running.drain();
  await running.idle;
  const attempt = stub.attempt(jobId);
  expect(attempt.outcome).toEqual(CHANGE);
  expect(attempt.events.map(({ event }) => event.kind)).toEqual(["phase", "log"]);
  expect(await readdir(worker("attempts"))).toEqual([]);
  expect(await readdir(worker("claims"))).not.toContain(`${attempt.claim.claimId}.json`);
  expect(existsSync(seen[0]?.workspace ?? "")).toBe(false);
  expect(await readdir(worker("homes"))).toEqual([jobId]);
  expect(existsSync(worker("homes", jobId, "session"))).toBe(true);
  await running.stop();
  expect(await readdir(worker("sandboxes"))).toEqual([]);
});

test("its git stores lose what a killed worker left half-made, and the refs of commits that were fetched for an attempt", async () => {
  const repository = worker("repositories", "0197a000-0000-7000-8000-000000000001");
  const jobsGit = join(repository, "jobs.git");
  await runGit(["init", "--quiet", "--bare", jobsGit]);
  await mkdir(join(jobsGit, "quarantine-dead/pack"), { recursive: true });
  const running = await start(async (context) => {
    expect(context.paths.repository).toBe(repository);
    const tree = await gitText(["mktree"], { gitDir: jobsGit });
    const oid = await gitText(["commit-tree", "-m", "fetched", tree], { gitDir: jobsGit });
    await runGit(["update-ref", `refs/slipway/fetched/${oid}`, oid], { gitDir: jobsGit });
    return CHANGE;
  });
  expect(await readdir(jobsGit)).not.toContain("quarantine-dead");
  const jobId = stub.enqueue();
  await stub.until(ended(jobId));
  await running.stop();
  expect(await gitText(["for-each-ref"], { gitDir: jobsGit })).toBe("");
});

test("a job's next attempt has the kept home; a final job's home goes", async () => {
  const homes: string[] = [];
  const running = await start(async (context) => {
    homes.push(context.paths.home);
    await context.agentSandbox([]);
    const first = !existsSync(join(context.paths.home, "session"));
    await writeFile(join(context.paths.home, "session"), "1");
    return first ? { kind: "failed", failure: { code: "RUNNER_LOST", message: "again", details: {} } } : CHANGE;
  });
  const jobId = stub.enqueue();
  await stub.until(ended(jobId));
  stub.enqueue("task", jobId);
  await stub.until(ended(jobId, 2));
  expect(stub.attempt(jobId, 2).outcome).toEqual(CHANGE);
  expect(homes[1]).toBe(worker("homes", jobId));
  const [first, second] = [watchGone(worker("homes", jobId)), stub.enqueue()];
  await stub.until(ended(second));
  expect(existsSync(worker("homes", jobId))).toBe(true);
  stub.finalJobs.add(jobId);
  const third = stub.enqueue();
  await stub.until(ended(third));
  await first;
  running.drain();
  await running.idle;
  expect((await readdir(worker("homes"))).sort()).toEqual([second, third].sort());
});

test("the home of a job that became final goes without another job, and without a restart", async () => {
  const running = await start(async () => CHANGE, { sweepMs: 20 });
  const jobId = stub.enqueue();
  await stub.until(ended(jobId));
  running.drain();
  await running.idle;
  expect(await readdir(worker("homes"))).toEqual([jobId]);
  const gone = watchGone(worker("homes", jobId));
  stub.finalJobs.add(jobId);
  await gone;
});

test("a warm sandbox is handed out where its mounts are those that are asked for, and replaced", async () => {
  const used: string[] = [];
  const placed: boolean[] = [];
  let mounts = ["/usr", "/opt"];
  const running = await start(async (context) => {
    const count = provider.started.length;
    const sandbox = await context.agentSandbox(mounts);
    placed.push(sandbox.record.spec.workspace === context.paths.workspace);
    used.push(provider.started.length === count ? "warm" : "fresh");
    return CHANGE;
  });
  for (const round of [1, 2, 3, 4]) {
    if (round === 2) mounts = ["/opt", "/usr"];
    if (round === 3) mounts = ["/usr"];
    const jobId = stub.enqueue();
    await stub.until(ended(jobId));
    await running.warmed();
  }
  expect(used).toEqual(["fresh", "warm", "fresh", "warm"]);
  expect(placed).toEqual([true, true, true, true]);
  await running.stop();
  expect(await readdir(worker("sandboxes"))).toEqual([]);
});

test("a verify job gets a sandbox without a runner, and none is kept warm for it", async () => {
  const running = await start(async (context) => {
    await context.agentSandbox(["/usr"], "commands");
    return { kind: "verified", receipts: [] };
  });
  const jobId = stub.enqueue("verify");
  await stub.until(ended(jobId));
  await running.warmed();
  expect(provider.started.map((spec) => spec.runner)).toEqual([false]);
});

test("sandboxes that cannot be started ahead do not hold up anything", async () => {
  const running = await start(async (context) => {
    await context.agentSandbox([]);
    return CHANGE;
  });
  const first = stub.enqueue();
  await stub.until(() => stub.attempts.has(`${first}-1`));
  provider.failStarts = true;
  await stub.until(ended(first));
  const second = stub.enqueue();
  await stub.until(ended(second));
  provider.failStarts = false;
  await running.stop();
});

test("a thrown error is a failed outcome with its code", async () => {
  await start(() => Promise.reject(new SlipwayError("BACKEND_RATE_LIMITED", "slow down", { retryAfterMs: 5 })));
  const jobId = stub.enqueue();
  await stub.until(ended(jobId));
  expect(stub.attempt(jobId).outcome).toMatchObject({ kind: "failed", failure: { code: "BACKEND_RATE_LIMITED" }, retryAfterMs: 5 });
});

test("a refused renewal aborts the attempt and ends its sandbox within a second, and nothing is reported", async () => {
  const { promise, resolve } = Promise.withResolvers<Sandbox>();
  const { promise: aborted, resolve: tellAborted } = Promise.withResolvers<unknown>();
  const running = await start(async (context) => {
    resolve(await context.agentSandbox([]));
    // A pipeline that does not even look at its signal at once.
    await new Promise<void>((end) => context.signal.addEventListener("abort", () => setTimeout(end, 300)));
    tellAborted(context.signal.reason);
    throw new Error("whatever");
  });
  const jobId = stub.enqueue();
  const sandbox = await promise;
  const { length } = stub.renewals;
  await stub.until(() => stub.renewals.length > length);
  stub.attempt(jobId).live = false;
  const refusedAt = performance.now();
  await gone(sandbox);
  expect(performance.now() - refusedAt).toBeLessThan(1_000);
  expect(await aborted).toMatchObject({ code: "LEASE_LOST" });
  running.drain();
  await running.idle;
  expect(stub.attempt(jobId).outcome).toBeUndefined();
  expect(await readdir(worker("attempts"))).toEqual([]);
});

async function gone(sandbox: Sandbox): Promise<void> {
  // A stranger's end sends no event; this looks.
  while (sandbox.record.processes.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a cancelled job's attempt ends by the server's signal", async () => {
  const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const running = await start(
    async (context) => {
      context.signal.addEventListener("abort", () => resolve(context.signal.reason));
      begin();
      await context.agentSandbox([]);
      return await untilAborted(context);
    },
    { renewMs: 3_000 },
  );
  const jobId = stub.enqueue();
  await begun;
  await stub.until(() => stub.connectedSignals === 1);
  stub.attempt(jobId).live = false;
  stub.signal({ type: "revoked", jobId, fence: 1, reason: "cancelled" });
  expect(await aborted).toMatchObject({ code: "CANCELLED" });
  running.drain();
  await running.idle;
  expect(stub.attempt(jobId).outcome).toBeUndefined();
});

test("stop reports its attempts as WORKER_STOPPED and ends every sandbox", async () => {
  const { promise, resolve } = Promise.withResolvers<Sandbox>();
  const running = await start(async (context) => {
    resolve(await context.agentSandbox([]));
    return await untilAborted(context);
  });
  const jobId = stub.enqueue();
  const sandbox = await promise;
  await running.stop();
  expect(stub.attempt(jobId).outcome).toMatchObject({ kind: "failed", failure: { code: "WORKER_STOPPED" } });
  expect(sandbox.record.processes.some(isAlive)).toBe(false);
  expect(await readdir(worker("sandboxes"))).toEqual([]);
  expect(existsSync(worker("folder.lock.pid"))).toBe(false);
});

test("a drain signal lets the attempt end and claims nothing more", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const running = await start(async () => {
    begin();
    await mayEnd;
    return CHANGE;
  });
  const jobId = stub.enqueue();
  await begun;
  await stub.until(() => stub.connectedSignals === 1);
  stub.signal({ type: "drain" });
  const late = stub.enqueue();
  await stub.until(() => stub.renewals.length > 2);
  expect(running.active).toBe(1);
  end();
  await running.idle;
  expect(stub.attempt(jobId).outcome).toEqual(CHANGE);
  expect(stub.attempts.has(`${late}-1`)).toBe(false);
});

test("a lost answer to a claim is read again under the same id", async () => {
  let lost = 0;
  stub.losesAnswer = (name) => name === "claim" && stub.attempts.size === 1 && lost++ === 0;
  await start(async () => CHANGE);
  const jobId = stub.enqueue();
  await stub.until(ended(jobId));
  expect(lost).toBeGreaterThan(0);
  expect(stub.attempts.size).toBe(1);
});

test("the outcome is reported until the server answers, also after a restart of the server", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  await start(async (context) => {
    await context.events.emit({ kind: "phase", data: { phase: "push", status: "ended" } });
    await mayEnd;
    return CHANGE;
  });
  const jobId = stub.enqueue();
  await stub.until(() => stub.attempts.size === 1);
  await stub.kill();
  end();
  await stub.listen();
  await stub.until(ended(jobId));
  expect(stub.attempt(jobId).outcome).toEqual(CHANGE);
  expect(stub.attempt(jobId).events).toHaveLength(1);
});

test.each([
  ["the disk", { minFreeBytes: Number.MAX_SAFE_INTEGER }, /^only \d+ MiB of disk are free under /],
  ["the memory", { minFreeMemoryBytes: Number.MAX_SAFE_INTEGER }, /^only \d+ MiB of memory are available, /],
])("nothing is claimed while %s is nearly full, and the server is told why", async (_, limits, reason) => {
  const running = await start(async () => CHANGE, limits);
  stub.enqueue();
  await stub.until(() => stub.holds.length > 0);
  expect(stub.holds[0]).toMatch(reason);
  expect(stub.claimIds).toEqual([]);
  await running.stop();
});

test("a second worker on the same folder is refused, and what a dead one left behind is taken over", async () => {
  await start(async () => CHANGE);
  const first = daemon;
  await expect(start(async () => CHANGE)).rejects.toMatchObject({ code: "DATA_FOLDER_IN_USE", details: { pid: process.pid } });
  await first?.stop();
  await writeFile(worker("folder.lock.pid"), `${process.pid}\n`);
  await start(async () => CHANGE);
});
