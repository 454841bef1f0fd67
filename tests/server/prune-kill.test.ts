import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PruneBench, refOf } from "./prune-bench.ts";

let bench: PruneBench;
beforeEach(async () => {
  bench = await PruneBench.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

test("a server killed at any step of a round leaves nothing half done: the next rounds end it", { timeout: 90_000 }, async () => {
  const jobs = await bench.oneOfEach();
  await bench.server.server.close();
  let killed = 0;
  for (let step = 1; await killedAt(step); step += 1) {
    killed += 1;
    await bench.expectNeeded(jobs);
  }
  expect(killed).toBeGreaterThan(5);
  expect(await bench.refs("jobs", "jobs")).toEqual([refOf(jobs.open), refOf(jobs.atWork)].toSorted());
  expect((await readdir(join(bench.server.data, "server", "artifacts"))).toSorted()).toEqual([jobs.open.claim.job.id, jobs.atWork.claim.job.id].toSorted());
  await bench.server.restart();
  for (const { claim } of [jobs.landed, jobs.anew, jobs.failed]) expect((await bench.viewOf(claim.job.id)).endedAt).not.toBeNull();
  expect((await bench.viewOf(jobs.open.claim.job.id)).state).toBe("integrating");
});

/** Kills a server of its own on the data folder before the given step of its pruning; false where the round had no such step and ended. */
async function killedAt(step: number): Promise<boolean> {
  const child: ChildProcess = fork(fileURLToPath(new URL("./prune-child.ts", import.meta.url)), [bench.server.data], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  let steps = 0;
  child.on("message", () => {
    steps += 1;
    if (steps === step) child.kill("SIGKILL");
    else child.send("go on");
  });
  const [code, signal] = await exited;
  if (signal === null) expect(code).toBe(0);
  return signal === "SIGKILL";
}
