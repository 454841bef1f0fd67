import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LandingBench } from "../support/landing-bench.ts";

// Nobody revises a change here: what is rejected fails at once.
const CONFIG = "landing: {revisions: 0}\ngates:\n  - name: test\n    run: node --test\n";

// Each test starts several processes; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

let bench: LandingBench;

beforeEach(async () => {
  bench = await LandingBench.open({ ".slipway.yaml": CONFIG, "a.txt": "one\ntwo\nthree\n" });
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

test("a change on an unmoved target lands as the very commit that the job made, after its verification", async () => {
  await bench.startIntegrator();
  const id = await bench.finishedJob("main", { "b.txt": "new\n" });
  const { job, receipts } = await bench.ended(id);
  expect(job).toMatchObject({ state: "done", landedOid: job.resultOid });
  expect((await bench.branch("main")).oid).toBe(job.resultOid);
  expect(bench.verified).toEqual([job.resultOid]);
  expect(receipts).toMatchObject([{ gate: "test", exitCode: 0, tree: await bench.hubGit("rev-parse", "main^{tree}") }]);
});

test("a target that does not exist yet starts at the job's base", async () => {
  await bench.startIntegrator();
  const id = await bench.finishedJob("slipway/new-thing", { "b.txt": "new\n" });
  expect((await bench.ended(id)).job.state).toBe("done");
  expect(await bench.history("slipway/new-thing")).toEqual(["Change b.txt", "Start"]);
  // Nothing landed on the base's own branch: the hub still knows it from the repository's address only.
  expect((await bench.branch("main")).oid).toBeNull();
});

test("two jobs from one base both land on one target, one after the other", async () => {
  const first = await bench.finishedJob("main", { "b.txt": "b\n" });
  const second = await bench.finishedJob("main", { "c.txt": "c\n" });
  await bench.startIntegrator();
  const ends = [await bench.ended(first), await bench.ended(second)];
  expect(ends.map(({ job }) => job.state)).toEqual(["done", "done"]);
  expect(await bench.history("main")).toEqual(["Change c.txt", "Change b.txt", "Start"]);
  const merged = ends[1]?.job.landedOid ?? "";
  expect(merged).not.toBe(ends[1]?.job.resultOid);
  expect(await bench.hubGit("show", "--no-patch", "--format=%an <%ae>|%cn <%ce>|%P", merged)).toBe(
    `Tess <tess@example.com>|Slipway <slipway@localhost>|${ends[0]?.job.landedOid}`,
  );
  expect((await bench.hubGit("ls-tree", "--name-only", merged)).split("\n")).toEqual([".slipway.yaml", "a.txt", "b.txt", "c.txt"]);
  expect(new Set(bench.verified)).toEqual(new Set([ends[0]?.job.landedOid, merged]));
});

test("targets do not wait for each other", async () => {
  // The first target's verification ends only when the second target has landed.
  const released = Promise.withResolvers<void>();
  bench.verifier = async ({ job }) => {
    if (job.target === "slipway/slow") await released.promise;
    return 0;
  };
  await bench.startIntegrator();
  const slow = await bench.finishedJob("slipway/slow", { "b.txt": "b\n" });
  const quick = await bench.finishedJob("slipway/quick", { "c.txt": "c\n" });
  expect((await bench.ended(quick)).job.state).toBe("done");
  released.resolve();
  expect((await bench.ended(slow)).job.state).toBe("done");
});

test("a conflict ends the job and names the paths; the target is untouched", async () => {
  const first = await bench.finishedJob("main", { "a.txt": "one\n2\nthree\n" });
  const second = await bench.finishedJob("main", { "a.txt": "one\nzwei\nthree\n" });
  await bench.startIntegrator();
  expect((await bench.ended(first)).job.state).toBe("done");
  const { job } = await bench.ended(second);
  expect(job).toMatchObject({ state: "failed", revision: null, failure: { code: "MERGE_CONFLICT", details: { paths: ["a.txt"], target: "main" } } });
  expect(job.failure?.message).toContain("a.txt");
  expect(await bench.history("main")).toEqual(["Change a.txt", "Start"]);
});

test("a red gate on the merged tree ends the job and lands nothing", async () => {
  bench.verifier = async () => 1;
  await bench.startIntegrator();
  const { job } = await bench.ended(await bench.finishedJob("main", { "b.txt": "b\n" }));
  expect(job).toMatchObject({ state: "failed", failure: { code: "GATES_FAILED" } });
  expect(job.failure?.message).toContain("test");
  expect(await bench.history("main")).toEqual(["Start"]);
});

test("a target that moves while the change is verified is merged and verified again", async () => {
  let moved = "";
  bench.verifier = async () => {
    if (moved === "") moved = await bench.moveBranch("main", { "user.txt": "mine\n" });
    return 0;
  };
  const id = await bench.finishedJob("main", { "z.txt": "first\n" });
  await bench.startIntegrator();
  const { job } = await bench.ended(id);
  expect(job.state).toBe("done");
  expect(job.landedOid).not.toBe(job.resultOid);
  expect(await bench.history("main")).toEqual(["Change z.txt", "Change user.txt", "Start"]);
  expect(await bench.hubGit("rev-parse", "main~1")).toBe(moved);
  expect(bench.verified.length).toBe(2);
});

test("a target that moves every time is given up with TARGET_MOVED", async () => {
  let moves = 0;
  bench.verifier = async () => {
    moves += 1;
    await bench.moveBranch("main", { [`user-${moves}.txt`]: "mine\n" });
    return 0;
  };
  await bench.startIntegrator();
  const { job } = await bench.ended(await bench.finishedJob("main", { "z.txt": "first\n" }));
  expect(job).toMatchObject({ state: "failed", failure: { code: "TARGET_MOVED" } });
  expect(moves).toBe(5);
  // Each merge beyond the first may wait for the lease to run out.
}, 120_000);

test("a job that is cancelled while it is verified does not land, and the next one does", async () => {
  let first = "";
  bench.verifier = async ({ verify }) => {
    if (first !== "" && verify?.completionId === (await bench.admin.call("getJob", { params: { job: first } })).completion?.id) {
      await bench.admin.call("cancelJob", { params: { job: first }, body: {} });
    }
    return 0;
  };
  first = await bench.finishedJob("main", { "b.txt": "b\n" });
  await bench.startIntegrator();
  expect((await bench.ended(first)).job.state).toBe("cancelled");
  const second = await bench.finishedJob("main", { "c.txt": "c\n" });
  expect((await bench.ended(second)).job.state).toBe("done");
  expect(await bench.history("main")).toEqual(["Change c.txt", "Start"]);
});
