import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "@slipway/protocol/scalars";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Leases } from "../../apps/worker/src/daemon/leases.ts";
import { leaseFileIn, monotonicNowMs, readLeaseFile } from "../../apps/worker/src/sandbox/lease-file.ts";
import { StubServer } from "./stub-server.ts";

const log = pino({ level: "silent" });
let stub: StubServer;
let leases: Leases | undefined;
let control: string;

beforeEach(async () => {
  stub = await StubServer.start();
  control = await mkdtemp(join(tmpdir(), "slipway-lease-"));
});
afterEach(async () => {
  await leases?.close();
  leases = undefined;
  await stub[Symbol.asyncDispose]();
  await rm(control, { recursive: true, force: true });
});

async function claimed(): Promise<{ jobId: string; fence: number; ttlMs: number }> {
  const jobId = stub.enqueue();
  const response = await fetch(`${stub.url}/v1/claims`, {
    method: "POST",
    body: JSON.stringify({ claimId: newId(), workerId: newId(), kinds: ["task"], waitMs: 0 }),
  });
  expect(response.status).toBe(200);
  return { jobId, fence: 1, ttlMs: stub.ttlMs };
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("renewals and the lease file go on while the main thread is blocked for seconds", async () => {
  // The server must not share the blocked thread: it is the file that shows the renewals, written only after a good answer.
  const child = await import("node:child_process");
  const script = new URL("./stub-process.ts", import.meta.url).pathname;
  const server = child.spawn(process.execPath, ["--disable-sigusr1", script], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const [url] = await new Promise<string[]>((resolve) => server.stdout.once("data", (data: Buffer) => resolve([String(data).trim()])));
    leases = new Leases({ url: url ?? "", token: "t", log, renewMs: 200 });
    let lost: Error | undefined;
    const hold = leases.hold({ jobId: newId(), fence: 1, ttlMs: 1_500 }, (error) => {
      lost = error;
    });
    await hold.addControl(control);
    const before = readLeaseFile(leaseFileIn(control)) ?? 0;
    block(4_000);
    const after = readLeaseFile(leaseFileIn(control)) ?? 0;
    expect(after - before).toBeGreaterThan(3_000);
    expect(after).toBeGreaterThan(monotonicNowMs());
    await new Promise((resolve) => setImmediate(resolve));
    expect(lost).toBeUndefined();
    hold.release();
  } finally {
    server.kill("SIGKILL");
  }
});

test("a refused renewal is told at once, and the lease file is over", async () => {
  leases = new Leases({ url: stub.url, token: "t", log, renewMs: 100 });
  const attempt = await claimed();
  const { promise, resolve } = Promise.withResolvers<Error>();
  const hold = leases.hold(attempt, resolve);
  await hold.addControl(control);
  await stub.until(() => stub.renewals.length > 1);
  stub.attempt(attempt.jobId).live = false;
  const refusedAt = performance.now();
  expect(await promise).toMatchObject({ code: "LEASE_LOST", details: { reason: "refused" } });
  expect(performance.now() - refusedAt).toBeLessThan(1_000);
  expect(readLeaseFile(leaseFileIn(control))).toBeLessThanOrEqual(monotonicNowMs());
});

test("a deadline that passes while the server is away is told when it passes; one that comes back in time is not noticed", async () => {
  stub.ttlMs = 1_500;
  leases = new Leases({ url: stub.url, token: "t", log, renewMs: 100 });
  const attempt = await claimed();
  const { promise, resolve } = Promise.withResolvers<Error>();
  const hold = leases.hold(attempt, resolve);
  await hold.addControl(control);
  await stub.until(() => stub.renewals.length > 1);
  await stub.kill();
  await stub.listen();
  const { length } = stub.renewals;
  await stub.until(() => stub.renewals.length > length);
  await stub.kill();
  expect(await promise).toMatchObject({ code: "LEASE_LOST", details: { reason: "deadline" } });
  const deadline = readLeaseFile(leaseFileIn(control)) ?? 0;
  expect(deadline).toBeLessThanOrEqual(monotonicNowMs());
});

test("what is released is never renewed again", async () => {
  leases = new Leases({ url: stub.url, token: "t", log, renewMs: 20 });
  const attempts = [await claimed(), await claimed()];
  const holds = attempts.map((attempt) => leases?.hold(attempt, () => {}));
  await stub.until(() => stub.renewals.length > 4);
  holds[0]?.release();
  const releasedAt = performance.now();
  const key = `${attempts[0]?.jobId}-1`;
  const after = stub.renewals.length;
  await stub.until(() => stub.renewals.length > after + 10);
  // One may have been on its way, sent before.
  const late = stub.renewals.filter((renewal) => renewal.key === key && renewal.at > releasedAt);
  expect(late.length).toBeLessThanOrEqual(1);
});

test("a main thread that hangs for too long loses its leases", async () => {
  leases = new Leases({ url: stub.url, token: "t", log, renewMs: 50, hungMs: 1_200 });
  const { promise, resolve } = Promise.withResolvers<Error>();
  const hold = leases.holdOwn(resolve);
  await hold.addControl(control);
  block(3_000);
  expect(readLeaseFile(leaseFileIn(control))).toBeLessThanOrEqual(monotonicNowMs());
  expect(await promise).toMatchObject({ code: "LEASE_LOST", details: { reason: "hung" } });
  expect(JSON.parse(await readFile(leaseFileIn(control), "utf8"))).toHaveProperty("deadlineMonotonicMs");
});
