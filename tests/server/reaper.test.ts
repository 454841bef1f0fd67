import type { ControlPlane } from "@slipway/server/control-plane";
import { Reaper } from "@slipway/server/reaper";
import { afterEach, beforeEach, expect, test } from "vitest";
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
