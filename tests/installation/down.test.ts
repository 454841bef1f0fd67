import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoppedStack } from "@slipway/cli/stack/stop-stack";
import { processTable } from "@slipway/process/process-table";
import type { WorkerClean } from "@slipway/protocol/worker-clean";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { leaseFileIn, monotonicNowMs, writeLeaseFile } from "../../apps/worker/src/sandbox/lease-file.ts";
import { Playground } from "../cli/slipway.ts";
import { leftovers } from "../support/leftovers.ts";
import { Stack } from "../support/stack.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let ground: Playground;
let sandbox: string[];
beforeEach(async () => {
  ground = await Playground.make();
  sandbox = await ground.sandbox();
});
afterEach(async () => await ground[Symbol.asyncDispose]());

interface Told {
  readonly data: string;
  readonly stopped: StoppedStack | null;
  readonly left: WorkerClean | null;
}

async function down(): Promise<Told> {
  const { code, stdout, stderr } = await ground.slipway(ground.folder, "down", "--json");
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Told;
}

const NOTHING: WorkerClean = { sandboxes: 0, containers: [], mounts: [], attempts: 0 };

test("where nothing runs it says so and ends with 0, as often as it is asked", async () => {
  const { code, stdout } = await ground.slipway(ground.folder, "down");
  expect([code, stdout]).toEqual([0, `Nothing runs: there is no data folder ${ground.data}.`]);
  expect(existsSync(ground.data)).toBe(false);
  await mkdir(ground.data);
  for (let times = 0; times < 2; times += 1) {
    const again = await ground.slipway(ground.folder, "down");
    expect([again.code, again.stdout]).toEqual([0, `Nothing runs on the data folder ${ground.data}, and nothing is left of it.`]);
  }
  expect(await down()).toEqual({ data: ground.data, stopped: null, left: NOTHING });
});

test("what `slipway up` started is stopped in order, and both commands say so", async () => {
  const up = ground.start(ground.folder, "up", "--port", "0", ...sandbox);
  await up.says("slipway jobs");
  const supervisor = (JSON.parse(await readFile(join(ground.data, "stack.json"), "utf8")) as { pid: number }).pid;
  const { stopped, left } = await down();
  expect(stopped).toMatchObject({ pid: supervisor, wasKilled: false });
  expect(stopped?.parts.map(({ part }) => part)).toEqual(["server", "worker", "integrator", "gateway"]);
  expect(left).toEqual(NOTHING);
  const ended = await up.end();
  expect([ended.code, ended.stderr]).toEqual([0, ""]);
  expect(ended.stdout).toMatch(/Stopped\.\n$/);
  for (const file of ["server.json", "stack.json"]) expect(existsSync(join(ground.data, file)), file).toBe(false);
  expect(await down()).toMatchObject({ stopped: null, left: NOTHING });
});

test("after a kill -9 of everything in the middle of a job nothing of it is left but the files, and the job is tried again", async () => {
  const root = await ground.repository("killed");
  const up = ground.start(ground.folder, "up", "--port", "0", ...sandbox);
  await up.says("slipway jobs");
  const wait = await ground.script("wait", [
    { write: { path: "greeting.txt", content: "hello\n" } },
    { print: "at work" },
    { shell: "test -e ~/again || { touch ~/again; sleep 300; }" },
  ]);
  expect((await ground.slipway(root, "submit", "Wait", ...wait)).code).toBe(0);
  const logs = ground.start(root, "logs", "-f", "1");
  await logs.says("at work");
  // It would wait for the server.
  logs.signal("SIGINT");
  await logs.end();
  const pids = [(JSON.parse(await readFile(join(ground.data, "stack.json"), "utf8")) as { pid: number }).pid];
  for (const lock of ["server/lock.pid", "worker/folder.lock.pid", "integrator/folder.lock.pid", "gateway/folder.lock.pid"])
    pids.push(Number(await readFile(join(ground.data, lock), "utf8")));
  for (const pid of pids) process.kill(pid, "SIGKILL");
  // A machine under load takes longer than a lease lasts.
  const places = join(ground.data, "worker/sandboxes");
  for (const place of await readdir(places)) writeLeaseFile(leaseFileIn(join(places, place, "control")), monotonicNowMs() + 600_000);
  await expect.poll(() => pids.filter((pid) => processTable().mark(pid))).toEqual([]);
  await up.end();
  const before = await leftovers(ground.data, ground.folder);
  expect(before.processes.length).toBeGreaterThan(0);
  const { stopped, left } = await down();
  expect(stopped).toBeNull();
  expect(left).toMatchObject({ attempts: 1, containers: [] });
  expect(left?.sandboxes).toBeGreaterThan(0);
  expect(left?.mounts.filter((point) => point !== join(ground.data, "worker"))).toEqual(before.mounts);
  expect(await leftovers(ground.data, ground.folder)).toMatchObject({ processes: [], mounts: [] });
  expect((await readdir(join(ground.data, "worker/attempts"))).length).toBe(1);
  expect(await down()).toMatchObject({ stopped: null, left: NOTHING });
  const again = ground.start(ground.folder, "up", "--port", "0", ...sandbox);
  await again.says("slipway jobs");
  await expect
    .poll(async () => (JSON.parse((await ground.slipway(root, "show", "1", "--json")).stdout) as { job: { state: string } }).job.state, { timeout: 60_000 })
    .toBe("done");
  expect((await down()).stopped).not.toBeNull();
  await again.end();
});

test("what somebody else started is left alone and named", async () => {
  await using stack = await Stack.start({ data: ground.data, sandbox: "none" });
  const { code, stdout, stderr } = await ground.slipway(ground.folder, "down");
  expect([code, stdout]).toEqual([5, ""]);
  expect(stderr).toMatch(/^error DATA_FOLDER_IN_USE: /);
  for (const part of ["server", "worker", "integrator"] as const) expect(stderr.replace(/\s+/g, " ")).toContain(`the ${part} (process ${stack.pid(part)})`);
  expect(stderr).toContain("docker compose down");
  for (const part of ["server", "worker", "integrator"] as const) expect(processTable().mark(stack.pid(part))).toBeDefined();
});
