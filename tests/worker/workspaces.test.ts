import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readMounts } from "@slipway/git/bases/mounts";
import type { Client } from "@slipway/protocol/client";
import { workspaceKindOf } from "@slipway/protocol/workspace-kind";
import { pino } from "pino";
import { describe, expect, test, vi } from "vitest";
import { WorkerDaemon } from "../../apps/worker/src/daemon/daemon.ts";
import { scratch } from "../git/fixture.ts";
import { allEvents, ended, logText, submitScript } from "../support/jobs.ts";
import { NOTHING_LEFT } from "../support/leftovers.ts";
import { git, makeRepository } from "../support/repository.ts";
import { whyNoMount } from "../support/small-disk.ts";
import { Stack } from "../support/stack.ts";
import { treeSnapshot } from "../support/tree-snapshot.ts";
import { ProcessProvider } from "./process-provider.ts";

vi.setConfig({ testTimeout: 120_000 });

const reason = whyNoMount();
if (reason) console.warn(`left out: jobs in workspaces above shared bases: ${reason}`);

/** What a job finds out about its workspace from inside, and what it changes there. */
const LOOK = 'stat -f -c %T .; git status --porcelain | wc -l; git log --oneline | wc -l; git mv folder moved; rm gone; chmod +x run; echo 2 > "$NAME"';
/** Of what an agent can try to reach the layer below its own. */
const POISON = [
  "umount /workspace; mount -o remount,rw /workspace; mknod whiteout c 0 0",
  'python3 -c \'import os; os.setxattr("folder", "trusted.overlay.opaque", b"y")\'',
  'python3 -c \'import os; os.setxattr("folder", "trusted.overlay.redirect", b"/")\'',
  "ln a hard; echo poison >> hard; echo poison >> run; chmod 777 run; truncate -s 0 .git/index; echo poison >> .git/index",
  "mv folder else; ln -s ../../../bases out; rm out hard; test -e gone && grep -q ' /workspace .* overlay ' /proc/self/mountinfo && echo still mounted",
].join("\n");
const FILES = { a: "1\n", gone: "1", run: "#!/bin/sh\n", "folder/x": "1", ".slipway.yaml": "version: 1\ngates:\n  - name: here\n    run: stat -f -c %T .\n" };

async function basesOf(stack: Stack): Promise<string[]> {
  return await readdir(join(stack.data, "worker/bases"));
}

async function overlaysOf(stack: Stack): Promise<string[]> {
  return (await readMounts()).filter(({ type, point }) => type === "overlay" && point.startsWith(stack.data)).map(({ point }) => point);
}

/** The files that are disks now, of everybody. */
async function loopFiles(): Promise<string[]> {
  const disks = (await readdir("/sys/block")).filter((name) => name.startsWith("loop"));
  return await Promise.all(disks.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => "")));
}

/** Waits until the job's agent has said something, and answers its workspace as the host sees it. */
async function workspaceAtWork(stack: Stack, client: Client, job: string): Promise<string> {
  for await (const frame of client.follow(job)) if (frame.type === "event" && frame.event.kind === "message") break;
  const [point = ""] = await overlaysOf(stack);
  return point;
}

describe.runIf(!reason)("jobs above shared bases", () => {
  test.each(["bwrap", "none"] as const)(
    "in %s: it is an overlay, git works in it, and the change lands; the next job's base is there already",
    async (sandbox) => {
      await using stack = await Stack.start({ sandbox, slots: 1, verifySlots: 1 });
      await using repository = await makeRepository(FILES);
      const client = await stack.client();
      await repository.register(client, "sample");
      const { workers } = await client.call("listWorkers", {});
      expect(workers.map(({ capabilities }) => workspaceKindOf(capabilities))).toEqual(["overlay"]);
      const first = (await ended(client, await submitScript(client, "sample", [[{ shell: LOOK.replace('"$NAME"', "first") }]]))).job;
      expect(first, JSON.stringify(first.failure)).toMatchObject({ state: "done" });
      expect(logText(await allEvents(client, first.id), "stdout")).toBe("overlayfs\n0\n1\n");
      expect(logText(await allEvents(client, first.id), "gate:here")).toBe("overlayfs\n");
      const hub = join(stack.data, "server/hub");
      const store = join(hub, (await readdir(hub))[0] ?? "", "upstream.git");
      expect((await git(store, "diff", "--name-status", "--no-renames", `${first.landedOid}^`, first.landedOid ?? "")).split("\n")).toEqual([
        "A\tfirst",
        "D\tfolder/x",
        "D\tgone",
        "A\tmoved/x",
        "M\trun",
      ]);
      const bases = await basesOf(stack);
      const second = (await ended(client, await submitScript(client, "sample", [[{ shell: "ls" }]], { base: first.landedOid ?? "" }))).job;
      expect(logText(await allEvents(client, second.id), "stdout")).toBe("a\nfirst\nmoved\nrun\n");
      // The verification has made the base of what then landed.
      expect((await basesOf(stack)).toSorted()).toEqual(bases.toSorted());
      await stack.stop();
      expect(await stack.leftovers()).toEqual(NOTHING_LEFT);
      expect((await readMounts()).filter(({ point }) => point.startsWith(stack.data))).toEqual([]);
      expect((await basesOf(stack)).toSorted()).toEqual(bases.toSorted());
    },
  );

  test("whatever an agent does to its workspace, the base stays as it was, and so does the next workspace", async () => {
    await using stack = await Stack.start({ slots: 1, verifySlots: 1 });
    await using repository = await makeRepository(FILES);
    const client = await stack.client();
    await repository.register(client, "sample");
    await ended(client, await submitScript(client, "sample", [[{ shell: "true" }]]));
    const [id = ""] = await basesOf(stack);
    const base = join(stack.data, "worker/bases", id);
    const before = { files: await treeSnapshot(join(base, "tree")), index: await readFile(join(base, "git/.git/index")) };
    const job = (await ended(client, await submitScript(client, "sample", [[{ shell: POISON }, { print: "all of it tried" }]]))).job;
    expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done" });
    expect(logText(await allEvents(client, job.id), "stdout")).toBe("still mounted\n");
    expect({ files: await treeSnapshot(join(base, "tree")), index: await readFile(join(base, "git/.git/index")) }).toEqual(before);
    const next = (await ended(client, await submitScript(client, "sample", [[{ shell: "cat a run; git status --porcelain" }]]))).job;
    expect(logText(await allEvents(client, next.id), "stdout")).toBe("1\n#!/bin/sh\n");
  });

  test("a worker that is killed in the middle finds its mounts again, and in the end there is none", async () => {
    await using stack = await Stack.start({ slots: 1, verifySlots: 1 });
    await using repository = await makeRepository(FILES);
    const client = await stack.client();
    await repository.register(client, "sample");
    const wait = "echo mine > mine; while [ ! -e go ]; do sleep 0.05; done; cat mine; rm go";
    const id = await submitScript(client, "sample", [[{ print: "begun" }, { shell: wait }]]);
    const workspace = await workspaceAtWork(stack, client, id);
    const before = await overlaysOf(stack);
    expect(before).toEqual([workspace]);
    await stack.signal("worker", "SIGKILL");
    expect(await overlaysOf(stack)).toEqual(before);
    await stack.start("worker");
    expect(await overlaysOf(stack)).toEqual(before);
    await writeFile(join(workspace, "go"), "");
    const { job, attempts } = await ended(client, id);
    expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done" });
    expect(attempts).toHaveLength(1);
    expect(logText(await allEvents(client, id), "stdout")).toBe("mine\n");
    await expect.poll(() => overlaysOf(stack)).toEqual([]);
    expect(await readFile(join(stack.data, "worker/bases", (await basesOf(stack))[0] ?? "", "tree/a"), "utf8")).toBe("1\n");
  });

  test("a workspace with a limit is clean, ends a job that fills it with the figures, and its disk goes with it", async () => {
    await using stack = await Stack.start({ slots: 1, verifySlots: 1, workerFlags: ["--workspace-limit", "48m"] });
    await using repository = await makeRepository(FILES);
    const client = await stack.client();
    await repository.register(client, "sample");
    const fine = (await ended(client, await submitScript(client, "sample", [[{ shell: LOOK.replace('"$NAME"', "first") }]]))).job;
    expect(fine, JSON.stringify(fine.failure)).toMatchObject({ state: "done" });
    expect(logText(await allEvents(client, fine.id), "stdout")).toBe("overlayfs\n0\n1\n");
    const steps = [{ write: { path: "kept", content: "kept" } }, { shell: "head -c 100M /dev/zero > big" }];
    const { job } = await ended(client, await submitScript(client, "sample", [steps], { maxAttempts: 1 }));
    expect(job).toMatchObject({ state: "failed", failure: { code: "DISK_FULL", details: { failure: { code: "BACKEND_FAILED" } } } });
    const { limitBytes = 0, usedBytes = 0 } = (job.failure?.details ?? {}) as { limitBytes?: number; usedBytes?: number };
    expect(limitBytes).toBeLessThanOrEqual(48 * 1024 ** 2);
    expect(usedBytes).toBeGreaterThan(limitBytes * 0.99);
    await stack.stop();
    expect(await stack.leftovers()).toEqual(NOTHING_LEFT);
    expect((await loopFiles()).filter((file) => file.startsWith(stack.data))).toEqual([]);
  });

  test("what a killed worker left is unmounted and removed by the next one where the job is no longer its own", async () => {
    await using stack = await Stack.start({ slots: 1, verifySlots: 1 });
    await using repository = await makeRepository(FILES);
    const client = await stack.client();
    await repository.register(client, "sample");
    const id = await submitScript(client, "sample", [[{ print: "begun" }, { shell: "sleep 100" }]]);
    await workspaceAtWork(stack, client, id);
    await stack.signal("worker", "SIGKILL");
    await client.call("cancelJob", { params: { job: id }, body: {} });
    expect((await ended(client, id)).job.state).toBe("cancelled");
    await stack.start("worker");
    expect(await overlaysOf(stack)).toEqual([]);
    expect((await stack.leftovers()).attempts).toEqual([]);
    const next = (await ended(client, await submitScript(client, "sample", [[{ shell: "cat a" }]]))).job;
    expect(logText(await allEvents(client, next.id), "stdout")).toBe("1\n");
    await stack.stop();
    expect(await stack.leftovers()).toEqual(NOTHING_LEFT);
  });
});

test("a limit of workspaces that cannot be kept keeps a worker from starting", async () => {
  const dataFolder = await scratch();
  const start = WorkerDaemon.start({
    ...{ dataFolder, url: "http://127.0.0.1:9", token: "t", name: "test", slots: 1, verifySlots: 1, version: "0" },
    ...{ provider: new ProcessProvider(), manifests: [], toolchains: [], log: pino({ level: "silent" }) },
    workspaces: { setting: "worktree", limitBytes: 48 * 1024 ** 2 },
    signal: new AbortController().signal,
    runAttempt: () => Promise.reject(new Error("no job comes")),
  });
  await expect(start).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringContaining("worktree"),
    hint: expect.stringContaining("workspaceLimit"),
  });
});

test("a worker that is asked for a kind which does not work in its folder does not start, and says why", async () => {
  // A file system in memory shares no blocks.
  const dataFolder = await scratch("/dev/shm");
  const start = WorkerDaemon.start({
    ...{ dataFolder, url: "http://127.0.0.1:9", token: "t", name: "test", slots: 1, verifySlots: 1, version: "0" },
    ...{ provider: new ProcessProvider(), manifests: [], toolchains: [], workspaces: { setting: "reflink" }, log: pino({ level: "silent" }) },
    signal: new AbortController().signal,
    runAttempt: () => Promise.reject(new Error("no job comes")),
  });
  await expect(start).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringContaining(dataFolder),
    hint: expect.stringContaining("worker.workspaces"),
  });
  await rm(dataFolder, { recursive: true });
});
