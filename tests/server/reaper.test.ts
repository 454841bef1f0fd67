import type { ControlPlane } from "@slipway/server/control-plane";
import { Reaper } from "@slipway/server/reaper";
import { afterEach, beforeEach, expect, test } from "vitest";
import { allEvents, logText } from "../support/jobs.ts";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

test("a job whose time comes while the reaper is in the middle of a round wakes a waiting claim", async () => {
  const { plane, reaper: own } = server.server;
  await own.stop();
  const { view } = await server.repository();
  const workerId = await server.worker();
  const claim = server.claim(workerId, { waitMs: 3_000 });
  await expect.poll(() => plane.jobRoom.size, { interval: 5 }).toBe(1);
  const job = await server.submit(view.id, { runAfter: Date.now() + 300 });

  // Asked only when the time has come: the store's answer then no longer has it, and no timer will be set for it.
  const nextDueMs: ControlPlane["store"]["nextDueMs"] = async () => {
    await expect.poll(async () => (await plane.store.waitingFor(job.id)).runAfter, { interval: 5 }).toBeNull();
    return await plane.store.nextDueMs();
  };
  const reaper = new Reaper({ ...plane, store: { ...plane.store, nextDueMs } });
  try {
    reaper.poke();
    expect((await claim)?.job.id).toBe(job.id);
  } finally {
    await reaper.stop();
  }
});

test("the log of a job that has ended is packed, and reads as before", async () => {
  const { plane, reaper } = server.server;
  await reaper.stop();
  const { view } = await server.repository();
  const job = await server.submit(view.id);
  const claim = await server.claim(await server.worker());
  const params = { job: job.id, fence: claim?.fence ?? 0 };
  const texts = ["one\n", "zwei ü\n", "\u0000three\n"];
  const events = texts.map((text, index) => {
    const offset = Buffer.byteLength(texts.slice(0, index).join(""));
    return { ordinal: index + 1, at: index, event: { kind: "log" as const, data: { stream: "stdout", offset, text, encoding: "utf8" as const } } };
  });
  await server.client("worker").call("appendEvents", { params, body: { events } });
  const failure = { code: "NO_CHANGE" as const, message: "nothing to do", details: {} };
  await server.client("worker").call("finish", { params, body: { outcome: { kind: "failed", failure } } });
  const before = await allEvents(server.client("viewer"), job.id);
  expect(logText(before, "stdout")).toBe(texts.join(""));

  await reaper.runOnce();
  expect(await plane.store.packFinalJobs(5), "jobs that the reaper left unpacked").toBe(0);
  expect(await allEvents(server.client("viewer"), job.id)).toEqual(before);
});
