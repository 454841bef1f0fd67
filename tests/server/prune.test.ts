import { existsSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newId } from "@slipway/protocol/scalars";
import { Pruner } from "@slipway/server/prune/pruner";
import { afterEach, beforeEach, expect, test } from "vitest";
import { git } from "../support/repository.ts";
import { NOTHING_KEPT_MS, PruneBench, refOf } from "./prune-bench.ts";
import { withCredential } from "./server-harness.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let bench: PruneBench;
beforeEach(async () => {
  bench = await PruneBench.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

test("refs go with their job: at once where its commit is on the target, else after the retention; never before its end", async () => {
  const jobs = await bench.oneOfEach();
  const foreign = `refs/slipway/jobs/${newId()}/1`;
  await git(bench.hub("jobs"), "update-ref", foreign, jobs.atWork.oid);
  await bench.server.server.pruner.runOnce();
  const kept = [refOf(jobs.open), refOf(jobs.atWork), foreign];
  expect(await bench.refs("jobs", "jobs")).toEqual([refOf(jobs.anew), refOf(jobs.failed), ...kept].toSorted());
  await bench.expectNeeded(jobs);
  expect(await bench.server.client("viewer").diff(jobs.landed.claim.job.id)).toContain("+landed.txt");
  expect(await bench.server.client("viewer").diff(jobs.anew.claim.job.id)).toContain("+anew.txt");

  const later = new Pruner(bench.server.server.plane, { retentionMs: NOTHING_KEPT_MS });
  for (let round = 0; round < 2; round += 1) {
    await later.runOnce();
    expect(await bench.refs("jobs", "jobs")).toEqual(kept.toSorted());
    expect(await bench.refs("jobs", "merges")).toEqual([jobs.open.claimed.hub.pushRef]);
    await bench.expectNeeded(jobs);
  }
  await bench.land(jobs.open.claimed, jobs.openOid, jobs.anewOid);
  expect(await bench.viewOf(jobs.open.claim.job.id)).toMatchObject({ state: "done", landedOid: jobs.openOid });
});

test("what is kept of a failed job stays for the retention, though the job has a result", async () => {
  const { claim, oid } = await bench.pushed("kept.txt");
  await bench.fail(claim, { oid, diffStat: { files: 1, insertions: 1, deletions: 0 } });
  const job = await bench.viewOf(claim.job.id);
  expect(job).toMatchObject({ state: "failed", resultOid: oid, landedOid: null });
  await bench.server.server.pruner.runOnce();
  expect(await bench.refs("jobs", "jobs")).toEqual([claim.hub.pushRef]);
  expect(await bench.server.client("viewer").diff(job.id)).toContain("+kept.txt");
  await new Pruner(bench.server.server.plane, { retentionMs: NOTHING_KEPT_MS }).runOnce();
  expect(await bench.refs("jobs", "jobs")).toEqual([]);
  expect(await bench.viewOf(job.id)).toEqual(job);
});

test("events and artifacts go after the retention, a reader is told, and the job's row stays", async () => {
  const { landed, failed, atWork } = await bench.oneOfEach();
  const viewer = bench.server.client("viewer");
  const before = await bench.viewOf(failed.claim.job.id);
  await bench.server.server.pruner.runOnce();
  expect((await viewer.call("listEvents", { params: { job: before.id } })).events).toHaveLength(before.lastSeq);
  expect(new TextDecoder().decode(await viewer.artifact(before.id, "gate.log"))).toBe("failed.txt");

  await bench.server.server.plane.store.packFinalJobs(100);
  const pruner = new Pruner(bench.server.server.plane, { retentionMs: NOTHING_KEPT_MS });
  await pruner.runOnce();
  await pruner.runOnce();
  expect(await bench.viewOf(before.id)).toEqual(before);
  expect((await bench.viewOf(landed.claim.job.id)).state).toBe("done");
  const frames = [];
  for await (const frame of viewer.follow(before.id)) frames.push(frame);
  const { lastSeq } = before;
  expect(frames).toEqual([
    { type: "gap", fromSeq: 1, nextSeq: lastSeq + 1 },
    { type: "end", lastSeq },
  ]);
  expect(await viewer.call("listEvents", { params: { job: before.id } })).toEqual({ events: [], lastSeq, gapTo: lastSeq });
  await expect(viewer.artifact(before.id, "gate.log")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(existsSync(bench.artifactsOf(before.id))).toBe(false);
  expect((await viewer.call("listEvents", { params: { job: atWork.claim.job.id } })).events.length).toBeGreaterThan(1);
  expect(new TextDecoder().decode(await viewer.artifact(atWork.claim.job.id, "gate.log"))).toBe("at-work.txt");
});

test("a base goes when no job needs it, and not while one may come that does", async () => {
  // As a command line does it: the commit is on no branch of the repository's own.
  await git(bench.source.root, "checkout", "--quiet", "--detach");
  const push = async (text: string): Promise<string> => {
    await writeFile(join(bench.source.root, "base.txt"), text);
    await git(bench.source.root, "add", "--all");
    await git(bench.source.root, "commit", "--quiet", "--message", text);
    const oid = await bench.source.head();
    const upstream = withCredential(`${bench.server.url}/git/${bench.repo}/upstream.git`, bench.server.tokens.submitter);
    await git(bench.source.root, "push", "--quiet", upstream, `HEAD:refs/slipway/bases/${oid}`);
    return oid;
  };
  const [used, unused] = [await push("used"), await push("unused")];
  const job = await bench.server.submit(bench.repo, { base: used });
  let now = 0;
  const pruner = new Pruner(bench.server.server.plane, { retentionMs: NOTHING_KEPT_MS, now: () => now });
  const left = async (afterMs: number): Promise<string[]> => {
    now += afterMs;
    await pruner.runOnce();
    return (await bench.refs("upstream", "bases")).map((ref) => ref.split("/").at(-1) ?? "").toSorted();
  };
  expect(await left(0)).toEqual([used, unused].toSorted());
  expect(await left(HOUR_MS - 1)).toEqual([used, unused].toSorted());
  expect(await left(1)).toEqual([used]);
  expect(await left(9 * HOUR_MS)).toEqual([used]);
  await bench.server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
  expect(await left(0)).toEqual([used]);
  expect(await left(HOUR_MS)).toEqual([]);
  // What it was is told at once to one who asks for it again, when its objects are gone too.
  await bench.age(DAY_MS);
  expect(await left(0)).toEqual([]);
  const gone = { code: "BASE_NOT_FOUND" };
  await expect(bench.server.submit(bench.repo, { base: used })).rejects.toMatchObject(gone);
  await expect(bench.server.client("submitter").call("retryJob", { params: { job: job.id }, body: {} })).rejects.toMatchObject(gone);
});

test("maintenance removes what nothing names, keeps what an active job needs, and waits while somebody is at work", async () => {
  const queued = await bench.server.submit(bench.repo, { requires: ["gpu"] });
  // Its base is no branch's any more.
  await git(bench.source.root, "commit", "--quiet", "--amend", "--message", "rewritten");
  await bench.server.client("admin").call("syncRepository", { params: { repo: bench.repo }, body: {} });
  const naming = await git(bench.hub("upstream"), "for-each-ref", "--format=%(refname)", "--contains", queued.baseOid);
  expect(naming).toMatch(/^refs\/slipway\/upstream-before\/\d+\/main$/);
  const { claim } = await bench.pushed("at-work.txt");
  expect(claim.job.baseOid).not.toBe(queued.baseOid);
  const failed = await bench.pushed("failed.txt");
  await bench.fail(failed.claim);

  const pruner = new Pruner(bench.server.server.plane, { retentionMs: NOTHING_KEPT_MS });
  await pruner.runOnce();
  expect(await git(bench.hub("upstream"), "for-each-ref", "refs/slipway/upstream-before/")).toBe("");
  await bench.age(DAY_MS);
  await pruner.runOnce();
  expect(await bench.has("jobs", failed.oid)).toBe(true);
  // Nobody waits longer than a day for a quiet moment.
  await bench.age(2 * DAY_MS);
  await pruner.runOnce();
  expect(await bench.has("jobs", failed.oid)).toBe(false);
  expect(await bench.has("upstream", queued.baseOid)).toBe(true);
  for (const store of ["upstream", "jobs"] as const) await git(bench.hub(store), "fsck", "--strict", "--connectivity-only");
  expect(Date.now() - (await stat(join(bench.hub("jobs"), "..", "maintained"))).mtimeMs).toBeLessThan(HOUR_MS);
  await git(bench.source.root, "fetch", "--quiet", withCredential(claim.hub.upstreamUrl, claim.hub.credential), queued.baseOid);
});
