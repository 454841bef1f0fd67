import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { markProcess } from "../../apps/worker/src/sandbox/processes.ts";
import { StubServer } from "./stub-server.ts";

const WORKER = new URL("./daemon-process.ts", import.meta.url);

let stub: StubServer;
let dataFolder: string;
const workers: ChildProcess[] = [];
/** What each worker said and nobody has read yet: two messages can come in one piece, so a listener for one at a time would miss the second. */
const inboxes = new Map<ChildProcess, Message[]>();

interface Message {
  readonly type: string;
  readonly resumed?: boolean;
}

beforeEach(async () => {
  stub = await StubServer.start();
  dataFolder = await mkdtemp(join(tmpdir(), "slipway-restart-"));
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await stop(worker);
  inboxes.clear();
  await stub[Symbol.asyncDispose]();
  await rm(dataFolder, { recursive: true, force: true });
});

function startWorker(): ChildProcess {
  const worker = fork(WORKER, [dataFolder, stub.url], { execArgv: ["--disable-sigusr1"] });
  workers.push(worker);
  const inbox: Message[] = [];
  inboxes.set(worker, inbox);
  worker.on("message", (message) => inbox.push(message as Message));
  return worker;
}

async function stop(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const exit = once(worker, "exit");
  worker.disconnect();
  await exit;
}

async function kill(worker: ChildProcess): Promise<void> {
  const exit = once(worker, "exit");
  worker.kill("SIGKILL");
  await exit;
}

/** The next message of this type; those before it are passed over. Rejects where the worker ends first. */
async function told(worker: ChildProcess, type: string): Promise<Message> {
  for (;;) {
    for (let next = inboxes.get(worker)?.shift(); next; next = inboxes.get(worker)?.shift()) if (next.type === type) return next;
    const over = new AbortController();
    const ended = once(worker, "exit", { signal: over.signal }).then(([code, signal]) => {
      throw new Error(`the worker ended (${code ?? signal}) before it said ${type}`);
    });
    await Promise.race([once(worker, "message", { signal: over.signal }), ended]).finally(() => over.abort());
    // The one that lost the race ends with the abort.
    ended.catch(() => undefined);
  }
}

const trace = async (): Promise<string[]> => (await readFile(join(dataFolder, "trace"), "utf8")).trim().split("\n");
const pidsOf = (lines: string[]): number[] => lines.filter((line) => line.startsWith("sandbox ")).map((line) => Number(line.slice(8)));

test("a worker that was killed takes its attempt up again: same sandbox, nothing twice, every event once", async () => {
  const jobId = stub.enqueue();
  const first = startWorker();
  await told(first, "turned");
  await kill(first);
  const second = startWorker();
  expect(await told(second, "turned")).toMatchObject({ resumed: true });
  second.send("go");
  await stub.until(() => stub.attempt(jobId).outcome !== undefined);
  const lines = await trace();
  expect(lines.filter((line) => line === "turn")).toHaveLength(1);
  expect(lines.filter((line) => line === "commit")).toHaveLength(1);
  expect(new Set(pidsOf(lines)).size).toBe(1);
  expect(stub.attempt(jobId).events.map(({ event }) => (event.kind === "message" ? event.data.text : ""))).toEqual(["turn", "commit"]);
  await stop(second);
  expect(markProcess(pidsOf(lines)[0] ?? 0)).toBeUndefined();
  expect(await readdir(join(dataFolder, "worker", "sandboxes"))).toEqual([]);
  expect(await readdir(join(dataFolder, "worker", "attempts"))).toEqual([]);
});

test("an attempt whose lease is gone is ended and removed at the next start, and so are sandboxes that no job had", async () => {
  const jobId = stub.enqueue();
  const first = startWorker();
  await told(first, "turned");
  await kill(first);
  stub.attempt(jobId).live = false;
  const second = startWorker();
  await told(second, "ready");
  const [pid] = pidsOf(await trace());
  expect(markProcess(pid ?? 0)).toBeUndefined();
  expect(await readdir(join(dataFolder, "worker", "attempts"))).toEqual([]);
  expect(stub.attempt(jobId).outcome).toBeUndefined();
  await stop(second);
  expect(await readdir(join(dataFolder, "worker", "sandboxes"))).toEqual([]);
});

test("an attempt from before a start of the machine does not go on, live lease or not: what it told last may be missing", async () => {
  const jobId = stub.enqueue();
  const first = startWorker();
  await told(first, "turned");
  await kill(first);
  const state = join(dataFolder, "worker", "attempts", `${jobId}-1`, "state.json");
  await writeFile(state, JSON.stringify({ ...JSON.parse(await readFile(state, "utf8")), bootId: "an earlier one" }));
  const second = startWorker();
  await told(second, "ready");
  expect(await readdir(join(dataFolder, "worker", "attempts"))).toEqual([]);
  expect(markProcess(pidsOf(await trace())[0] ?? 0)).toBeUndefined();
});

test("a worker killed between the server's claim and its answer reads the same claim again", async () => {
  stub.losesAnswer = (name) => {
    if (name !== "claim" || stub.attempts.size === 0) return false;
    first.kill("SIGKILL");
    return true;
  };
  const first = startWorker();
  const exit = once(first, "exit");
  await stub.until(() => stub.claimIds.length >= 2);
  const jobId = stub.enqueue();
  await exit;
  stub.losesAnswer = () => false;
  const second = startWorker();
  await told(second, "turned");
  second.send("go");
  await stub.until(() => stub.attempt(jobId).outcome !== undefined);
  expect(stub.attempts.size).toBe(1);
});
