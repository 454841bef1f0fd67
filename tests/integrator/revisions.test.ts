import { canonicalJson } from "@slipway/protocol/canonical-json";
import type { JobDetail } from "@slipway/protocol/job";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LandingBench } from "../support/landing-bench.ts";

const CONFIG = "gates:\n  - name: test\n    run: node --test\n";

// Each test starts several processes; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

let bench: LandingBench;
let start: string;
beforeEach(async () => {
  bench = await LandingBench.open({ ".slipway.yaml": CONFIG, "a.txt": "one\ntwo\nthree\n", "b.txt": "b\n" });
  start = await bench.hubGit("rev-parse", "refs/upstream/main");
  await bench.admin.call("syncBranch", { params: { repo: "sample" }, body: { branch: "main", oid: start } });
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

async function detailOf(job: string): Promise<JobDetail> {
  return await bench.admin.call("getJob", { params: { job } });
}

/** Resolves when the job's events tell of this move. */
async function moved(job: string, on: string): Promise<JobDetail> {
  for await (const frame of bench.admin.follow(job)) {
    if (frame.type === "event" && frame.event.kind === "state" && frame.event.data.on === on) return await detailOf(job);
  }
  throw new Error(`the job ended without ${on}`);
}

test("a conflict with what a person pushed queues the job on the target's commit, and frees the target", async () => {
  const target = await bench.moveBranch("main", { "a.txt": "one\n2\nthree\n" });
  const id = await bench.finishedJob("main", { "a.txt": "one\nzwei\nthree\n", "c.txt": "c\n" }, start);
  const before = (await detailOf(id)).job;
  const next = await bench.finishedJob("main", { "d.txt": "d\n" }, target);
  await bench.startIntegrator();
  const { job, completion } = await moved(id, "revise");
  expect(completion).toMatchObject({ state: "rejected" });
  expect(job).toMatchObject({
    state: "queued",
    baseOid: target,
    resultOid: before.resultOid,
    attempts: 0,
    revision: {
      cause: "conflict",
      targetOid: target,
      baseOid: start,
      workOid: before.resultOid,
      paths: ["a.txt"],
      others: [{ oid: target, job: null }],
      gates: [],
    },
  });
  // Of the change as it was, from what it was made on.
  const patch = await bench.admin.diff(id);
  expect(patch).toContain("-two\n+zwei");
  expect(patch).toContain("+c");
  expect((await bench.ended(next)).job.state).toBe("done");
  const explained = await bench.admin.call("explainJob", { params: { job: id } });
  expect(explained.reason).toContain("This is revision 1 of 2: conflicts with what landed on main in a.txt.");
});

test("what a person accepted is that very change: it is not revised", async () => {
  bench.verifier = async () => 1;
  await bench.startIntegrator();
  const refused = await bench.finishedJob("main", { "a.txt": "one\nzwei\nthree\n" });
  expect((await bench.ended(refused)).job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
  await bench.moveBranch("main", { "a.txt": "one\n2\nthree\n" });
  const { job: accepted } = await bench.admin.call("acceptJob", { params: { job: refused }, body: { reason: "it will do" } });
  expect((await bench.ended(accepted.id)).job).toMatchObject({ state: "failed", failure: { code: "MERGE_CONFLICT" }, revision: null });
});

test("accepted work has a statement and a note like all other, which say who accepted what", async () => {
  bench.verifier = async () => 1;
  await bench.startIntegrator();
  const refused = await bench.finishedJob("main", { "c.txt": "c\n" });
  const { job: failed } = await bench.ended(refused);
  expect(failed).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
  const { job: accepted } = await bench.admin.call("acceptJob", { params: { job: refused }, body: { reason: "it will do" } });
  const { job } = await bench.ended(accepted.id);
  expect(job.state).toBe("done");
  const statement = await bench.admin.call("jobStatement", { params: { job: accepted.id } });
  const { internalParameters, externalParameters } = statement.predicate.buildDefinition;
  expect(internalParameters).toMatchObject({
    job: job.number,
    sandbox: "none",
    redGates: ["test"],
    accepted: { job: failed.number, jobId: refused, by: expect.stringContaining("(admin)"), because: "it will do", red: ["gate test"] },
  });
  expect(externalParameters.backend).toBe("script");
  expect(statement.predicate.runDetails.byproducts).toMatchObject([{ annotations: { gate: "test", exitCode: 1 } }]);
  await vi.waitFor(async () => expect(await bench.hubGit("notes", "--ref=slipway", "show", job.landedOid ?? "")).toBe(canonicalJson(statement)), 20_000);
});

test("rules of the target that cannot be read allow no revision", async () => {
  await bench.moveBranch("main", { "a.txt": "one\n2\nthree\n", ".slipway.yaml": "landing: {revisions: many}\n" });
  const id = await bench.finishedJob("main", { "a.txt": "one\nzwei\nthree\n" }, start);
  await bench.startIntegrator();
  expect((await bench.ended(id)).job).toMatchObject({ state: "failed", failure: { code: "MERGE_CONFLICT" }, revision: null });
});

test("a red gate behind a merge tells of what is new on the target, and how often it may come", async () => {
  await bench.moveBranch("main", { "b.txt": "new\n", ".slipway.yaml": `landing: {revisions: 1}\n${CONFIG}` });
  bench.verifier = async () => 1;
  const id = await bench.finishedJob("main", { "c.txt": "c\n" }, start);
  await bench.startIntegrator();
  const { job } = await moved(id, "revise");
  expect(job.revision).toMatchObject({
    number: 1,
    of: 1,
    cause: "gates",
    code: "GATES_FAILED",
    paths: [],
    others: [{ job: null }],
    verifyJob: expect.any(Number),
    gates: [{ name: "test", command: "node --test", exitCode: 1, redBefore: false, receipt: { tree: expect.any(String) } }],
  });
});

test("a conflict with what the target has is foreseen when the change is finished, and only for those that meet it", async () => {
  await bench.moveBranch("main", { "a.txt": "one\n2\nthree\n" });
  const meets = await bench.finishedJob("main", { "a.txt": "one\nzwei\nthree\n" }, start);
  const misses = await bench.finishedJob("main", { "a.txt": "one\ntwo\nthree\nfour\n", "b.txt": "c\n" }, start);
  for await (const frame of bench.admin.follow(meets)) if (frame.type === "event" && frame.event.kind === "notice") break;
  expect((await detailOf(meets)).job.predicted).toEqual([{ job: null, target: "main", paths: ["a.txt"] }]);
  expect((await bench.admin.call("explainJob", { params: { job: meets } })).reason).toContain("conflicts with what main has now in a.txt");
  expect((await detailOf(misses)).job.predicted).toEqual([]);
});

test("a commit that names another repository's job tells nothing of it", async () => {
  const other = await bench.admin.call("createRepository", { body: { name: "other", url: bench.repository.root, defaultBranch: "main" } });
  await bench.admin.call("syncRepository", { params: { repo: other.id }, body: {} });
  const { job: secret } = await bench.admin.call("submitJob", {
    body: { repo: "other", task: "A secret of theirs", backend: "script", backendConfig: { script: { turns: [] } } },
  });
  await bench.admin.call("cancelJob", { params: { job: secret.id }, body: {} });
  await bench.moveBranch("main", { "a.txt": "one\n2\nthree\n" }, `Curious\n\nSlipway-Job: ${secret.id}`);
  const id = await bench.finishedJob("main", { "a.txt": "one\nzwei\nthree\n" }, start);
  await bench.startIntegrator();
  const { job } = await moved(id, "revise");
  expect(job.revision?.others).toMatchObject([{ subject: "Curious", job: null }]);
});
