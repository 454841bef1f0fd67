import { join } from "node:path";
import type { Client } from "@slipway/protocol/client";
import type { JobEvent } from "@slipway/protocol/events";
import type { JobDetail, JobView } from "@slipway/protocol/job";
import { changesOf } from "@slipway/protocol/job-changes";
import type { ReviseJob } from "@slipway/protocol/revise";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ended, submitScript } from "../support/jobs.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

/** Comments of a person on a change, from the request to the agent that reads them and the change that comes of it, with all parts of an installation. */

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const MAIN = join(import.meta.dirname, "../../apps/cli/src/main.ts");
const write = (path: string, content: string) => ({ write: { path, content } });
const MARKERS = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n";

let stack: Stack;
let client: Client;
const repositories: TestRepository[] = [];
beforeAll(async () => {
  stack = await Stack.start({ sandbox: "none", slots: 2 });
  client = await stack.client();
});
afterAll(async () => {
  await stack?.[Symbol.asyncDispose]();
  for (const repository of repositories) await repository[Symbol.asyncDispose]();
});

async function register(name: string, files: Record<string, string>): Promise<TestRepository> {
  const repository = await makeRepository(files);
  repositories.push(repository);
  await repository.register(client, name);
  return repository;
}

/** Turns of the job that goes on: the script is the job's, and so the same one begins anew. It does another thing where the first one's work is there already. */
function either(first: string, then: string) {
  return [{ shell: `if test -e done; then ${then}; else ${first}; touch done; fi` }, write("seen.md", "{{prompt}}")];
}

async function run(repo: string, turns: unknown[][], more: object = {}): Promise<JobDetail> {
  return await ended(client, await submitScript(client, repo, turns, { target: "main", ...more }));
}

async function revise(job: JobView, body: Partial<ReviseJob>): Promise<{ job: JobView; created: boolean }> {
  return await client.call("reviseJob", { params: { job: job.id }, body: body as ReviseJob });
}

test("of a change that landed a new job goes on from the target, and its agent reads the comments with their lines", async () => {
  await register("landed", { "a.txt": "one\ntwo\n" });
  const first = await run("landed", [either("printf 'one\\ndeux\\n' >a.txt", "printf 'one\\nzwei\\n' >a.txt")], { title: "Translate" });
  expect(first.job.state, JSON.stringify(first.job.failure)).toBe("done");
  const made = await revise(first.job, {
    note: "German, please.",
    comments: [
      { path: "a.txt", line: 2, side: "new", text: "Not French" },
      { path: "a.txt", line: 2, side: "old", text: "This was meant" },
    ],
  });
  expect(made).toMatchObject({
    created: true,
    job: {
      title: `Revise job ${first.job.number}: Translate`,
      baseOid: first.job.landedOid,
      target: "main",
      continues: { number: first.job.number, work: null },
    },
  });
  const { job, acts } = await ended(client, made.job.id);
  expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done", continues: { number: first.job.number } });
  expect(acts).toMatchObject([{ action: "reviseJob", job: first.job.number, madeJob: job.number }]);
  const patch = await client.diff(job.id);
  for (const text of ["-deux\n+zwei", "German, please.", "`a.txt`, line 2\n", "+2 | deux", "+2 | two", "as it was before the change", "Not French"])
    expect(patch).toContain(text);
});

test("what failed goes on from its kept work, above the base that it was made on; an agent that adds nothing changed nothing", async () => {
  await register("failed", { ".slipway.yaml": "repairs: 0\ngates:\n  - {name: hull, run: test -e hull}\n", "a.txt": "a\n" });
  const first = await run("failed", [either("printf b >a.txt", "grep -q b a.txt && printf h >hull")]);
  expect(first.job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
  const made = await revise(first.job, { comments: [{ path: "a.txt", side: "new", text: "The hull is missing" }] });
  expect(made.job).toMatchObject({ baseOid: first.job.baseOid, continues: { work: { oid: first.job.resultOid } } });
  expect(made.job.task).toContain("GATES_FAILED");
  const { job } = await ended(client, made.job.id);
  expect(job, JSON.stringify(job.failure)).toMatchObject({ state: "done", target: "main" });
  // One change: what was kept, and what came to it.
  const patch = await client.diff(job.id);
  for (const text of ["-a\n+b", "+h\n", "whole file", "The hull is missing"]) expect(patch).toContain(text);
  await register("idle", { ".slipway.yaml": "repairs: 0\n", "a.txt": "a\n" });
  const idle = await run("idle", [[{ shell: "test -e x || printf '<<<<<<< a\\n=======\\n>>>>>>> b\\n' >x" }]]);
  expect(idle.job.state).toBe("failed");
  const again = await ended(client, (await revise(idle.job, { note: "Once more" })).job.id);
  expect(again.job).toMatchObject({ state: "failed", failure: { code: "NO_CHANGE", message: expect.stringContaining(`job ${idle.job.number}`) } });
});

test("changes that were sent back can be looked at, and what became of them; one with a secret stays with its worker", async () => {
  await register("rounds", { "a.txt": "a\n" });
  const secret = `printf 'AWS_SECRET_ACCESS_KEY="%s%s"\\n' wJalrXUtnFEMI/ K7MDENGbPxRfiCYzAbCdEfGhI1 >aws.ini`;
  const detail = await run("rounds", [[write("notes.txt", MARKERS)], [write("notes.txt", "both\n"), { shell: secret }], [{ shell: "rm aws.ini" }]]);
  expect(detail.job.state, JSON.stringify(detail.job.failure)).toBe("done");
  const changes = changesOf(detail);
  expect(changes.map(({ id, kind, number, refusedBy }) => [id, kind, number, refusedBy])).toEqual([
    ["1.1", "refused", 1, ["conflicts"]],
    ["1", "change", null, []],
  ]);
  const { id } = detail.job;
  expect(await client.diff(id, { change: "1.1" })).toContain("+<<<<<<< ours");
  const between = await client.diff(id, { change: "1", since: "1.1" });
  expect(between).toContain("-<<<<<<< ours");
  expect(between).toContain("+both");
  expect(await client.diff(id)).toBe(await client.diff(id, { change: "1" }));
  await expect(client.diff(id, { change: "1.2" })).rejects.toMatchObject({ code: "NOT_FOUND", details: { field: "change", expected: ["1.1", "1"] } });
});

test("an agent at work gets it as a message", async () => {
  await register("busy", { "a.txt": "a\n" });
  const id = await submitScript(client, "busy", [[{ waitForMessage: true }, write("told.md", "{{message}}\n")]], { target: "main" });
  for await (const frame of client.follow(id)) {
    const event: JobEvent | undefined = frame.type === "event" ? frame.event : undefined;
    if (event?.kind === "tool-call" && event.data.name === "waitForMessage") break;
  }
  const env = { SLIPWAY_URL: stack.url, SLIPWAY_TOKEN_FILE: join(stack.data, "tokens/admin.token"), NO_COLOR: "1" };
  const { stdout } = await execa(process.execPath, [MAIN, "revise", id, "Red, please", "--comment", "a.txt:1:Leave this"], { env });
  expect(stdout).toContain("sent to the agent of job");
  const { job } = await ended(client, id);
  const patch = await client.diff(job.id);
  for (const text of ["Red, please", "`a.txt`, line 1", "Leave this"]) expect(patch).toContain(text);
  const later = await execa(process.execPath, [MAIN, "revise", id, "--comment", "a.txt:1-1:And this", "--json"], { env });
  expect(JSON.parse(later.stdout)).toMatchObject({ created: true, job: { continues: { jobId: id } } });
  await client.call("cancelJob", { params: { job: JSON.parse(later.stdout).job.id }, body: {} });
});
