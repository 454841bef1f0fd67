import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Remote } from "../support/git-remote.ts";
import { LandingBench } from "../support/landing-bench.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let remote: Remote;
let bench: LandingBench;

// The address has commits of its own from the beginning: what jobs land is not pushed until a test says so.
beforeEach(async () => {
  remote = await Remote.make();
  await remote.push({ ".slipway.yaml": "gates:\n  - name: test\n    run: node --test\nlanding: { revisions: 0 }\n" });
  bench = await LandingBench.open({ "ignored.txt": "the address is elsewhere\n" }, { address: async () => remote.bare });
  await bench.admin.call("updateRepository", { params: { repo: bench.repo }, body: { upstream: { onDiverged: "merge" } } });
  await sync();
  await bench.fetchBranch("main");
  await bench.startIntegrator();
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await remote[Symbol.asyncDispose]();
});

async function sync() {
  return await bench.admin.call("syncRepository", { params: { repo: bench.repo }, body: {} });
}

/** The job that merges, and how it ended. */
async function mergeJob() {
  const { jobs } = await bench.admin.call("listJobs", { query: { limit: 50 } });
  const found = jobs.filter(({ backend }) => backend === "merge");
  return await Promise.all(found.map(async ({ id }) => (await bench.ended(id)).job));
}

test("what others pushed while the hub went on is merged by a job, verified, and can be pushed then", async () => {
  const landed = (await bench.ended(await bench.finishedJob("main", { "b.txt": "b\n" }))).job.landedOid;
  const foreign = await remote.push({ "foreign.txt": "f\n" });
  const before = bench.verified.length;
  expect((await sync()).waiting).toEqual([]);
  const [job] = await mergeJob();
  expect(job).toMatchObject({ state: "done", resultOid: foreign, target: "main" });
  expect(bench.verified.slice(before)).toEqual([job?.landedOid]);
  expect(await bench.hubGit("log", "-1", "--format=%P %s", "main")).toBe(`${landed} ${foreign} Merge job ${job?.number}: Foreign`);
  expect((await bench.hubGit("ls-tree", "--name-only", "main")).split("\n")).toEqual(expect.arrayContaining(["b.txt", "foreign.txt"]));
  await bench.admin.call("updateRepository", { params: { repo: bench.repo }, body: { upstream: { push: "landed" } } });
  await sync();
  expect(await remote.head()).toBe(job?.landedOid);
});

test("where git cannot merge them no job is made, and a person decides", async () => {
  await bench.ended(await bench.finishedJob("main", { "a.txt": "ours\n" }));
  await remote.push({ "a.txt": "theirs\n" });
  expect(await sync()).toMatchObject({ waiting: [{ branch: "main", state: "diverged" }] });
  expect(await mergeJob()).toEqual([]);
});

test("a merge that is red is tried once; the branch waits for a person then, and says which job it was", async () => {
  await bench.ended(await bench.finishedJob("main", { "b.txt": "b\n" }));
  await remote.push({ "foreign.txt": "f\n" });
  bench.verifier = async () => 1;
  await sync();
  const [job] = await mergeJob();
  expect(job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED", message: expect.stringContaining("a person decides over the branch") } });
  expect(await sync()).toMatchObject({ waiting: [{ branch: "main", state: "diverged" }] });
  expect(await mergeJob()).toHaveLength(1);
  const { branches } = await bench.admin.call("upstreamBranches", { params: { repo: bench.repo } });
  expect(branches).toMatchObject([{ branch: "main", state: "diverged", mergeJob: job?.number }]);
});
