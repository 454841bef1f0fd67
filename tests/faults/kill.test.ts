import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import { afterEach, expect, test } from "vitest";
import { allEvents, ended, firstEvent, submitScript } from "../support/jobs.ts";
import { leftovers, processesOf } from "../support/leftovers.ts";
import { git, makeRepository, type TestRepository } from "../support/repository.ts";
import { type PartName, Stack } from "../support/stack.ts";

/** `kill -9` of any process in the middle of a job: the job ends once, nothing lands twice, no event is lost or repeated, nothing is left over. */

const disposables: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of disposables.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

interface Scene {
  readonly stack: Stack;
  readonly client: Client;
  readonly repository: TestRepository;
}

async function scene(): Promise<Scene> {
  const stack = await Stack.start({ slots: 2, verifySlots: 1 });
  disposables.push(stack);
  const repository = await makeRepository({
    "hello.txt": "hello\n",
    ".slipway.yaml": JSON.stringify({ version: 1, gates: [{ name: "test", run: "sleep 1; echo gate ran; grep -q once runs.txt" }] }),
  });
  disposables.push(repository);
  const client = await stack.client();
  await repository.register(client, "sample");
  return { stack, client, repository };
}

/** A job whose turn takes a while and counts, in a file that lands, how often it ran. */
async function slowJob(client: Client): Promise<string> {
  const steps = [
    { print: "first" },
    { append: { path: "runs.txt", content: "once\n" } },
    ...Array.from({ length: 20 }, (_, n) => [{ sleep: 100 }, { print: `step ${n}` }]).flat(),
    { print: "last" },
  ];
  return await submitScript(client, "sample", [steps], { target: "result" });
}

async function landedOnce({ stack, client, repository }: Scene, job: string, attempts: number): Promise<void> {
  const detail = await ended(client, job);
  expect(detail.job.state, JSON.stringify(detail.job.failure)).toBe("done");
  expect(detail.attempts).toHaveLength(attempts);
  const hub = join(stack.data, "server", "hub", detail.job.repo.id, "upstream.git");
  expect(await git(hub, "rev-parse", "refs/heads/result")).toBe(detail.job.landedOid);
  expect(await git(hub, "rev-list", "--count", `${await repository.head()}..refs/heads/result`)).toBe("1");
  expect(await git(hub, "show", "refs/heads/result:runs.txt")).toBe("once");
  const events = await allEvents(client, job);
  const said = events.flatMap((event) => (event.kind === "message" && event.fence === detail.job.fence ? [event.data.text] : []));
  expect(said).toEqual(["first", ...Array.from({ length: 20 }, (_, n) => `step ${n}`), "last"]);
  expect(events.filter((event) => event.kind === "state" && event.data.to === "done")).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ kind: "state", data: { to: "done" } });
}

/** After the stack stopped, nothing of it is there but its data. */
async function nothingLeft(stack: Stack): Promise<void> {
  for (const part of ["integrator", "worker", "server"] as const) await stack.signal(part, "SIGTERM");
  expect(await leftovers(stack.data)).toEqual({ processes: [], mounts: [], attempts: [], worktrees: [] });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // Ended with the one before it.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

test.each<[PartName, string]>([
  ["server", "turn"],
  ["worker", "turn"],
  ["integrator", "turn"],
  ["server", "gates"],
  ["worker", "gates"],
  ["server", "verify"],
  ["worker", "verify"],
  ["integrator", "verify"],
])(
  "kill -9 of the %s during %s",
  async (part, moment) => {
    const current = await scene();
    const job = await slowJob(current.client);
    if (moment === "turn") await firstEvent(current.client, job, (event) => event.kind === "message" && event.data.text === "step 3");
    if (moment === "gates") await firstEvent(current.client, job, (event) => event.kind === "gate" && event.data.status === "started");
    if (moment === "verify") {
      await firstEvent(current.client, job, (event) => event.kind === "state" && event.data.to === "integrating");
      for (;;) {
        const [verify] = (await current.client.call("listJobs", { query: { kind: ["verify"] } })).jobs;
        if (!verify) continue;
        await firstEvent(current.client, verify.id, (event) => event.kind === "gate" && event.data.status === "started");
        break;
      }
    }
    await current.stack.crash(part);
    await landedOnce(current, job, 1);
    await nothingLeft(current.stack);
  },
  90_000,
);

test("kill -9 of the sandbox in mid-turn: the job is tried again, and lands once", async () => {
  const current = await scene();
  const job = await slowJob(current.client);
  await firstEvent(current.client, job, (event) => event.kind === "message" && event.data.text === "step 3");
  const sandboxes = (await processesOf(current.stack.data)).filter(([, commandLine]) => commandLine.includes("slipway-init"));
  const pids = sandboxes.map(([pid]) => pid);
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of pids) killIfThere(pid);
  await landedOnce(current, job, 2);
  await nothingLeft(current.stack);
}, 90_000);

test("a worker that is stopped past its lease: its late finish and push have no effect", async () => {
  const current = await scene();
  const { stack, client } = current;
  const job = await slowJob(client);
  await firstEvent(client, job, (event) => event.kind === "message" && event.data.text === "step 3");
  const stale = stack.pid("worker");
  process.kill(stale, "SIGSTOP");
  const fresh = await stack.startSecondWorker();
  disposables.push(fresh);
  await firstEvent(client, job, (event) => event.kind === "message" && event.fence === 2);
  process.kill(stale, "SIGCONT");
  await landedOnce(current, job, 2);
  await fresh[Symbol.asyncDispose]();
  await nothingLeft(stack);
}, 120_000);
