import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Client } from "@slipway/protocol/client";
import { expect, test } from "vitest";
import { submitScript } from "../support/jobs.ts";
import { SmallDisk, whyNoMount } from "../support/small-disk.ts";
import type { Stack } from "../support/stack.ts";
import { at, instantCalled, late } from "./moments.ts";
import { Scene } from "./scene.ts";

/**
 * The disk under the data folder is full in the middle of a job, at the very moment when something is about to be written: there is a clear error, no
 * process ends, no event is lost, and when there is room again the job goes on to its end.
 */
const PARTS = ["server", "worker", "integrator"] as const;

const reason = whyNoMount();
if (reason) console.log(`the tests of a full disk are left out: ${reason}`);

const moments = [
  // The attempt that had no room fails, and a later one does the job: in its turn, in its commit, at a request.
  { name: "the setup's log is stored", isLost: true, isShort: true },
  { name: "a gate's log is stored", isLost: true, isShort: false },
  { name: "a gate's log is about to be stored", isLost: true, isShort: false },
  { name: "the push begins", isLost: true, isShort: false },
  // Here nothing is lost: who asks waits for room.
  { name: "the finish is asked for", isLost: false, isShort: true },
  { name: "the merge is about to be pushed", isLost: false, isShort: false },
  { name: "the verification is asked for", isLost: false, isShort: false },
  { name: "the landing is asked for", isLost: false, isShort: true },
].filter(({ isShort }) => isShort || process.env["SLIPWAY_FAULTS"] === "all");

/** What the parts log from now on. */
async function logsFromNow(stack: Stack): Promise<() => Promise<string>> {
  const logs = (): Promise<string[]> => Promise.all(PARTS.map((part) => stack.log(part)));
  const before = (await logs()).map((text) => text.length);
  return async () => (await logs()).map((text, index) => text.slice(before[index])).join("");
}

/** The length of a task that is large, in characters. */
const LARGE = 90_000;

/**
 * Submits large jobs, which nobody may claim yet, until one is refused. The store's write-ahead log may have been begun anew: what lies in it is done with,
 * and its room, some MiB, is written over before more of the disk is asked for.
 */
async function submitUntilRefused(client: Client): Promise<{ readonly accepted: readonly string[]; readonly refusal: unknown }> {
  const accepted: string[] = [];
  const runAfter = Date.now() + 3_600_000;
  while (accepted.length < 200) {
    try {
      accepted.push(await submitScript(client, "sample", [[{ sleep: 1 }]], { task: "x".repeat(LARGE), runAfter }));
    } catch (refusal) {
      return { accepted, refusal };
    }
  }
  throw new Error(`${accepted.length} large jobs were accepted on a full disk`);
}

/** A lease is over and its end cannot be stored: the reaper tries again each second, and not all the time. */
async function reaperComplainsCalmly(logs: () => Promise<string>): Promise<void> {
  const times = async (): Promise<number[]> => [...(await logs()).matchAll(/"time":(\d+),.*the reaper's round failed/g)].map((match) => Number(match[1]));
  await expect.poll(async () => (await times()).length, { timeout: 10_000 }).toBeGreaterThan(2);
  const [first = 0, , third = 0] = await times();
  expect(third - first).toBeGreaterThan(1_000);
}

test.skipIf(reason !== undefined).each(moments)(
  "a disk that is full when $name",
  async ({ name, isLost }) => {
    // Below 256 MiB of free space a worker claims nothing.
    await using disk = await SmallDisk.mount(400);
    await using scene = await Scene.open({ data: disk.path });
    const { stack, client } = scene;
    const first = await scene.landedOnce(await scene.submit());
    const pids = PARTS.map((part) => stack.pid(part));

    const logs = await logsFromNow(stack);
    const full = at(late(instantCalled(name)), scene, () => disk.fill());
    const job = await scene.submit();
    await full;
    // What cannot be stored is refused in words, and what is stored can be read.
    const { accepted, refusal } = await submitUntilRefused(client);
    expect(refusal).toMatchObject({ code: "DISK_FULL" });
    for (const id of accepted) expect((await client.call("getJob", { params: { job: id } })).job.task).toHaveLength(LARGE);
    expect((await client.call("getJob", { params: { job: first.job.id } })).job).toEqual(first.job);
    // An attempt that fails on a full disk cannot even say so, and is over with its lease; who waits for room goes on.
    const evidence = isLost ? /"msg":"attempt ended"/ : /"code":"DISK_FULL"/;
    await expect.poll(async () => evidence.test(await logs()), { timeout: 30_000, message: String(evidence) }).toBe(true);
    if (isLost) await reaperComplainsCalmly(logs);
    await disk.free();
    for (const id of accepted) await client.call("cancelJob", { params: { job: id }, body: {} });

    const detail = await scene.landedOnce(job);
    const lost = detail.attempts.slice(0, -1);
    expect(lost.length > 0, JSON.stringify(lost)).toBe(isLost);
    for (const { outcome, failure } of lost) expect(failure?.code ?? outcome).toMatch(/^(DISK_FULL|expired)$/);
    expect(PARTS.map((part) => stack.pid(part))).toEqual(pids);
    await scene.nothingOfAttempts();
    await scene.nothingLeft();
    const db = new DatabaseSync(join(disk.path, "server", "slipway.db"), { readOnly: true });
    expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    db.close();
  },
  120_000,
);
