import { join } from "node:path";
import type { JobView } from "@slipway/protocol/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { git, type TestRepository } from "../support/repository.ts";
import { TestServer } from "./server-harness.ts";

let server: TestServer;
let source: TestRepository;
let repo: string;
let failed: JobView;
let oid: string;
beforeAll(async () => {
  server = await TestServer.start();
  const made = await server.repository({ "a.txt": "one\ntwo\n", "gone.txt": "g\n" });
  [repo, source] = [made.view.id, made.source];
  const job = await server.submit(repo, { maxAttempts: 1, dedupeKey: "one" });
  const claim = await server.claim(await server.worker());
  if (!claim) throw new Error("nothing was claimed");
  oid = await server.pushChange(source, claim, { "a.txt": "one\nzwei\ndrei\n" });
  const failure = { code: "GATES_FAILED" as const, message: "The gate test failed.", details: {} };
  const kept = { oid, diffStat: { files: 1, insertions: 2, deletions: 1 }, red: [{ by: "gate" as const, name: "test", findings: ["exit code 1"] }] };
  await server.client("worker").call("finish", { params: { job: job.id, fence: claim.fence }, body: { outcome: { kind: "failed", failure, kept } } });
  failed = (await server.client("viewer").call("getJob", { params: { job: job.id } })).job;
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function revise(job: string, body: object) {
  return await server.client("submitter").call("reviseJob", { params: { job }, body: body as never });
}

test("the new job has the comments with their lines, why the change was refused, and the work to go on from", async () => {
  const { job, created } = await revise(failed.id, {
    comments: [
      { path: "a.txt", line: 2, endLine: 3, text: "In English" },
      { path: "a.txt", line: 2, side: "old", text: "As here" },
    ],
  });
  expect(created).toBe(true);
  expect(job).toMatchObject({
    state: "queued",
    baseOid: failed.baseOid,
    target: failed.target,
    dedupeKey: null,
    continues: { jobId: failed.id, number: failed.number, work: { oid } },
  });
  for (const text of ["`a.txt`, lines 2 to 3", "2 | zwei\n3 | drei", "2 | two", "GATES_FAILED", "gate test: exit code 1", "Do it"])
    expect(job.task).toContain(text);
  const { entries } = await server.client("admin").call("listAudit", { query: { limit: 1 } });
  expect(entries).toMatchObject([{ action: "reviseJob", object: { name: String(failed.number) }, madeJob: job.number, outcome: "ok" }]);
  // It is not over, and nobody is at work on it.
  await expect(revise(job.id, { note: "More" })).rejects.toMatchObject({ code: "CONFLICT", message: expect.stringContaining("it is queued") });
  const again = await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
  await expect(revise(again.job.id, { note: "More" })).rejects.toMatchObject({
    code: "CONFLICT",
    message: expect.stringContaining("nothing of its agent's work"),
  });
});

test.each<[string, object, string]>([
  ["a file that is not there", { comments: [{ path: "b.txt", line: 1, text: "x" }] }, "comments.0.path"],
  [
    "a line behind the end",
    {
      comments: [
        { path: "a.txt", text: "x" },
        { path: "a.txt", line: 4, text: "x" },
      ],
    },
    "comments.1.line",
  ],
  ["a range behind the end", { comments: [{ path: "a.txt", line: 3, endLine: 9, text: "x" }] }, "comments.0.endLine"],
  ["an old line that was not there", { comments: [{ path: "a.txt", line: 3, side: "old", text: "x" }] }, "comments.0.line"],
  ["a range that ends before it begins", { comments: [{ path: "a.txt", line: 3, endLine: 2, text: "x" }] }, "comments.0.endLine"],
  ["nothing at all", {}, "note"],
])("%s is refused by its field", async (_, body, field) => {
  await expect(revise(failed.id, body)).rejects.toMatchObject({ code: "INVALID_REQUEST", details: { field } });
});

test("an unknown change names those that there are", async () => {
  await expect(revise(failed.id, { note: "x", change: "7" })).rejects.toMatchObject({ code: "NOT_FOUND", details: { field: "change", expected: ["1"] } });
  await expect(server.client("viewer").diff(failed.id, { change: "1", since: "1" })).resolves.toBe("");
  expect(await server.client("viewer").diff(failed.id, { change: "1", binary: "names" })).toContain("+zwei");
});

test("earlier changes count only where they are on the hub under the attempt's own number", async () => {
  const job = await server.submit(repo);
  const claim = await server.claim(await server.worker());
  if (claim?.job.id !== job.id) throw new Error("another job was claimed");
  const pushed = await server.pushChange(source, claim, { "a.txt": "x\n" });
  const outcome = { kind: "change" as const, oid: pushed, diffStat: { files: 1, insertions: 1, deletions: 2 } };
  const finish = async (earlier: object[]) =>
    await server.client("worker").call("finish", { params: { job: job.id, fence: claim.fence }, body: { outcome: { ...outcome, earlier } as never } });
  await expect(finish([{ number: 1, oid: pushed, refusedBy: [] }])).rejects.toMatchObject({
    code: "COMMIT_INVALID",
    details: { ref: `refs/slipway/jobs/${job.id}/changes/1/1` },
  });
  const beside = { ...claim, hub: { ...claim.hub, pushRef: `refs/slipway/jobs/${job.id}/changes/1/1` } };
  const first = await server.pushChange(source, beside, { "a.txt": "w\n" });
  for (const ref of [`refs/slipway/jobs/${job.id}/changes/2/1`, `refs/slipway/jobs/${job.id}/changes/1/1/1`, `refs/slipway/jobs/${job.id}/changes/1/x`]) {
    await expect(server.pushChange(source, { ...claim, hub: { ...claim.hub, pushRef: ref } }, { "a.txt": "v\n" })).rejects.toThrow();
  }
  await finish([{ number: 1, oid: first, refusedBy: ["tests"] }]);
  expect(await server.client("viewer").diff(job.id, { change: "1", since: "1.1" })).toContain("-w\n+x");
});

test("a new try of a job that goes on has the work by a ref of its own", async () => {
  const { job } = await revise(failed.id, { note: "Again" });
  await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
  const { job: again } = await server.client("submitter").call("retryJob", { params: { job: job.id }, body: {} });
  expect(again).toMatchObject({ retryOf: job.id, continues: { number: failed.number, work: { oid } } });
  const root = join(server.data, "server", "hub", repo, "jobs.git");
  expect(await git(root, "rev-parse", `refs/slipway/jobs/${again.id}/continued`)).toBe(oid);
  await server.client("submitter").call("cancelJob", { params: { job: again.id }, body: {} });
});
