import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import type { JobView } from "@slipway/protocol/job";
import { newId } from "@slipway/protocol/scalars";
import type { Claim } from "@slipway/protocol/worker-api";
import { Pruner } from "@slipway/server/prune/pruner";
import { afterEach, beforeEach, expect, test } from "vitest";
import { git, type TestRepository } from "../support/repository.ts";
import { TestServer, withCredential } from "./server-harness.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Everything that has ended is older than this. */
const NOTHING_KEPT_MS = 1;

let server: TestServer;
let repo: string;
let source: TestRepository;
let workerId: string;
/** Renewals of what is at work, as workers and integrators do them, however slow the machine is. */
let renewals: Array<() => Promise<unknown>>;
let heartbeat: NodeJS.Timeout;
beforeEach(async () => {
  server = await TestServer.start();
  const made = await server.repository();
  repo = made.view.id;
  source = made.source;
  workerId = await server.worker();
  renewals = [];
  heartbeat = setInterval(() => {
    // What has ended by now refuses, and that is well.
    for (const renew of renewals) renew().catch(() => undefined);
  }, 1_000);
});
afterEach(async () => {
  clearInterval(heartbeat);
  await server[Symbol.asyncDispose]();
});

const hub = (store: "upstream" | "jobs") => join(server.data, "server", "hub", repo, `${store}.git`);

async function refs(store: "upstream" | "jobs", kind: "jobs" | "merges" | "bases"): Promise<string[]> {
  const listing = await git(hub(store), "for-each-ref", "--format=%(refname)", `refs/slipway/${kind}/`);
  return listing.split("\n").filter(Boolean);
}

async function has(store: "upstream" | "jobs", oid: string): Promise<boolean> {
  return await git(hub(store), "cat-file", "-e", oid).then(
    () => true,
    () => false,
  );
}

/** A job whose attempt has pushed a commit and stored an artifact. */
async function pushed(file: string, target?: string): Promise<{ claim: Claim; oid: string }> {
  await server.submit(repo, { title: file, ...(target === undefined ? {} : { target }) });
  const claim = await server.claim(workerId, { waitMs: 5_000 });
  if (!claim) throw new Error("no claim");
  const params = { job: claim.job.id, fence: claim.fence };
  renewals.push(() => server.client("worker").call("renew", { params, body: {} }));
  await server.client("worker").putArtifact(claim.job.id, claim.fence, "gate.log", new TextEncoder().encode(file));
  return { claim, oid: await server.pushChange(source, claim, { [file]: `${file}\n` }) };
}

async function fail({ job, fence }: Claim): Promise<void> {
  const failure = { code: "NO_CHANGE" as const, message: "as planned", details: {} };
  await server.client("worker").call("finish", { params: { job: job.id, fence }, body: { outcome: { kind: "failed", failure } } });
}

/** Takes a pushed change to where an integrator holds its completion. */
async function integrating(file: string, target?: string): Promise<{ claim: Claim; oid: string; claimed: ClaimedCompletion }> {
  const { claim, oid } = await pushed(file, target);
  const body = { outcome: { kind: "change" as const, oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } };
  await server.client("worker").call("finish", { params: { job: claim.job.id, fence: claim.fence }, body });
  const { claimed } = await server.client("integrator").call("claimCompletion", { body: { claimId: newId(), integratorId: newId(), waitMs: 5_000 } });
  if (!claimed) throw new Error("no completion");
  const params = { completion: claimed.completion.id, fence: claimed.fence };
  renewals.push(() => server.client("integrator").call("renewCompletion", { params, body: {} }));
  return { claim, oid, claimed };
}

/** Makes the change of a commit anew on top of another one, and pushes it as the completion's merge. */
async function merge({ hub: access }: ClaimedCompletion, oid: string, onto: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "slipway-merge-"));
  try {
    await git(dir, "clone", "--quiet", "--no-checkout", withCredential(access.upstreamUrl, access.credential), "clone");
    const clone = join(dir, "clone");
    await git(clone, "fetch", "--quiet", withCredential(access.jobsUrl, access.credential), oid);
    await git(clone, "checkout", "--quiet", "--detach", onto);
    await git(clone, "cherry-pick", "--allow-empty", oid);
    await git(clone, "push", "--quiet", withCredential(access.jobsUrl, access.credential), `HEAD:${access.pushRef}`);
    return await git(clone, "rev-parse", "HEAD");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function land({ completion, fence }: ClaimedCompletion, mergedOid: string, expectedOld: string | null): Promise<void> {
  await server.client("integrator").call("landCompletion", { params: { completion: completion.id, fence }, body: { mergedOid, expectedOld } });
}

async function viewOf(id: string): Promise<JobView> {
  return (await server.client("viewer").call("getJob", { params: { job: id } })).job;
}

/** One of each: landed as it is, landed anew on a target that had moved, failed, at work, about to land. */
async function oneOfEach() {
  const landed = await integrating("landed.txt", "release");
  await land(landed.claimed, landed.oid, null);
  const anew = await integrating("anew.txt", "release");
  const anewOid = await merge(anew.claimed, anew.oid, landed.oid);
  await land(anew.claimed, anewOid, landed.oid);
  const failed = await pushed("failed.txt");
  await fail(failed.claim);
  const open = await integrating("open.txt", "release");
  const openOid = await merge(open.claimed, open.oid, anewOid);
  const atWork = await pushed("at-work.txt");
  return { landed, anew, anewOid, failed, open, openOid, atWork };
}

type Jobs = Awaited<ReturnType<typeof oneOfEach>>;
const refOf = ({ claim }: { claim: Claim }): string => claim.hub.pushRef;

/** What must be there whatever was pruned: all that a job which is not final names. */
async function expectNeeded({ open, openOid, atWork }: Jobs): Promise<void> {
  expect(await refs("jobs", "jobs")).toEqual(expect.arrayContaining([refOf(open), refOf(atWork)]));
  expect(await refs("jobs", "merges")).toContain(open.claimed.hub.pushRef);
  for (const oid of [open.oid, openOid, atWork.oid]) expect(await has("jobs", oid)).toBe(true);
  for (const { claim } of [open, atWork]) expect(await readdir(artifactsOf(claim.job.id))).toEqual([String(claim.fence)]);
}

const artifactsOf = (job: string): string => join(server.data, "server", "artifacts", job);

test("refs go with their job: at once where its commit is on the target, else after the retention; never before its end", async () => {
  const jobs = await oneOfEach();
  const foreign = `refs/slipway/jobs/${newId()}/1`;
  await git(hub("jobs"), "update-ref", foreign, jobs.atWork.oid);
  await server.server.pruner.runOnce();
  const kept = [refOf(jobs.open), refOf(jobs.atWork), foreign];
  expect(await refs("jobs", "jobs")).toEqual([refOf(jobs.anew), refOf(jobs.failed), ...kept].toSorted());
  await expectNeeded(jobs);
  expect(await server.client("viewer").diff(jobs.landed.claim.job.id)).toContain("+landed.txt");
  expect(await server.client("viewer").diff(jobs.anew.claim.job.id)).toContain("+anew.txt");

  const later = new Pruner(server.server.plane, { retentionMs: NOTHING_KEPT_MS });
  for (let round = 0; round < 2; round += 1) {
    await later.runOnce();
    expect(await refs("jobs", "jobs")).toEqual(kept.toSorted());
    expect(await refs("jobs", "merges")).toEqual([jobs.open.claimed.hub.pushRef]);
    await expectNeeded(jobs);
  }
  await land(jobs.open.claimed, jobs.openOid, jobs.anewOid);
  expect(await viewOf(jobs.open.claim.job.id)).toMatchObject({ state: "done", landedOid: jobs.openOid });
});

test("events and artifacts go after the retention, a reader is told, and the job's row stays", async () => {
  const { landed, failed, atWork } = await oneOfEach();
  const viewer = server.client("viewer");
  const before = await viewOf(failed.claim.job.id);
  await server.server.pruner.runOnce();
  expect((await viewer.call("listEvents", { params: { job: before.id } })).events).toHaveLength(before.lastSeq);
  expect(new TextDecoder().decode(await viewer.artifact(before.id, "gate.log"))).toBe("failed.txt");

  await server.server.plane.store.packFinalJobs(100);
  const pruner = new Pruner(server.server.plane, { retentionMs: NOTHING_KEPT_MS });
  await pruner.runOnce();
  await pruner.runOnce();
  expect(await viewOf(before.id)).toEqual(before);
  expect((await viewOf(landed.claim.job.id)).state).toBe("done");
  const frames = [];
  for await (const frame of viewer.follow(before.id)) frames.push(frame);
  const { lastSeq } = before;
  expect(frames).toEqual([
    { type: "gap", fromSeq: 1, nextSeq: lastSeq + 1 },
    { type: "end", lastSeq },
  ]);
  expect(await viewer.call("listEvents", { params: { job: before.id } })).toEqual({ events: [], lastSeq, gapTo: lastSeq });
  await expect(viewer.artifact(before.id, "gate.log")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(existsSync(artifactsOf(before.id))).toBe(false);
  expect((await viewer.call("listEvents", { params: { job: atWork.claim.job.id } })).events.length).toBeGreaterThan(1);
  expect(new TextDecoder().decode(await viewer.artifact(atWork.claim.job.id, "gate.log"))).toBe("at-work.txt");
});

test("a base goes when no job needs it, and not while one may come that does", async () => {
  // As a command line does it: the commit is on no branch of the repository's own.
  await git(source.root, "checkout", "--quiet", "--detach");
  const push = async (text: string): Promise<string> => {
    await writeFile(join(source.root, "base.txt"), text);
    await git(source.root, "add", "--all");
    await git(source.root, "commit", "--quiet", "--message", text);
    const oid = await source.head();
    const upstream = withCredential(`${server.url}/git/${repo}/upstream.git`, server.tokens.submitter);
    await git(source.root, "push", "--quiet", upstream, `HEAD:refs/slipway/bases/${oid}`);
    return oid;
  };
  const [used, unused] = [await push("used"), await push("unused")];
  const job = await server.submit(repo, { base: used });
  let now = 0;
  const pruner = new Pruner(server.server.plane, { retentionMs: NOTHING_KEPT_MS, now: () => now });
  const left = async (afterMs: number): Promise<string[]> => {
    now += afterMs;
    await pruner.runOnce();
    return (await refs("upstream", "bases")).map((ref) => ref.split("/").at(-1) ?? "").toSorted();
  };
  expect(await left(0)).toEqual([used, unused].toSorted());
  expect(await left(HOUR_MS - 1)).toEqual([used, unused].toSorted());
  expect(await left(1)).toEqual([used]);
  expect(await left(9 * HOUR_MS)).toEqual([used]);
  await server.client("submitter").call("cancelJob", { params: { job: job.id }, body: {} });
  expect(await left(0)).toEqual([used]);
  expect(await left(HOUR_MS)).toEqual([]);
  // What it was is told at once to one who asks for it again, when its objects are gone too.
  await age(DAY_MS);
  expect(await left(0)).toEqual([]);
  const gone = { code: "BASE_NOT_FOUND" };
  await expect(server.submit(repo, { base: used })).rejects.toMatchObject(gone);
  await expect(server.client("submitter").call("retryJob", { params: { job: job.id }, body: {} })).rejects.toMatchObject(gone);
});

/** Makes the hub's objects, and its last maintenance, older than they are. */
async function age(ms: number): Promise<void> {
  const seconds = (Date.now() - ms) / 1_000 - 60;
  for (const store of ["upstream", "jobs"] as const)
    for (const entry of await readdir(join(hub(store), "objects"), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), seconds, seconds);
  await utimes(join(hub("jobs"), "..", "maintained"), seconds, seconds);
}

test("maintenance removes what nothing names, keeps what an active job needs, and waits while somebody is at work", async () => {
  const queued = await server.submit(repo, { requires: ["gpu"] });
  // Its base is no branch's any more.
  await git(source.root, "commit", "--quiet", "--amend", "--message", "rewritten");
  await server.client("admin").call("syncRepository", { params: { repo }, body: {} });
  expect(await git(hub("upstream"), "for-each-ref", "--contains", queued.baseOid)).toBe("");
  const { claim } = await pushed("at-work.txt");
  expect(claim.job.baseOid).not.toBe(queued.baseOid);
  const failed = await pushed("failed.txt");
  await fail(failed.claim);

  const pruner = new Pruner(server.server.plane, { retentionMs: NOTHING_KEPT_MS });
  await pruner.runOnce();
  await age(DAY_MS);
  await pruner.runOnce();
  expect(await has("jobs", failed.oid)).toBe(true);
  // Nobody waits longer than a day for a quiet moment.
  await age(2 * DAY_MS);
  await pruner.runOnce();
  expect(await has("jobs", failed.oid)).toBe(false);
  expect(await has("upstream", queued.baseOid)).toBe(true);
  for (const store of ["upstream", "jobs"] as const) await git(hub(store), "fsck", "--strict", "--connectivity-only");
  expect(Date.now() - (await stat(join(hub("jobs"), "..", "maintained"))).mtimeMs).toBeLessThan(HOUR_MS);
  await git(source.root, "fetch", "--quiet", withCredential(claim.hub.upstreamUrl, claim.hub.credential), queued.baseOid);
});

test("a server killed at any step of a round leaves nothing half done: the next rounds end it", { timeout: 90_000 }, async () => {
  const jobs = await oneOfEach();
  await server.server.close();
  let killed = 0;
  for (let step = 1; await killedAt(step); step += 1) {
    killed += 1;
    await expectNeeded(jobs);
  }
  expect(killed).toBeGreaterThan(5);
  expect(await refs("jobs", "jobs")).toEqual([refOf(jobs.open), refOf(jobs.atWork)].toSorted());
  expect((await readdir(join(server.data, "server", "artifacts"))).toSorted()).toEqual([jobs.open.claim.job.id, jobs.atWork.claim.job.id].toSorted());
  await server.restart();
  for (const { claim } of [jobs.landed, jobs.anew, jobs.failed]) expect((await viewOf(claim.job.id)).endedAt).not.toBeNull();
  expect((await viewOf(jobs.open.claim.job.id)).state).toBe("integrating");
});

/** Kills a server of its own on the data folder before the given step of its pruning; false where the round had no such step and ended. */
async function killedAt(step: number): Promise<boolean> {
  const child: ChildProcess = fork(fileURLToPath(new URL("./prune-child.ts", import.meta.url)), [server.data], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  let steps = 0;
  child.on("message", () => {
    steps += 1;
    if (steps === step) child.kill("SIGKILL");
    else child.send("go on");
  });
  const [code, signal] = await exited;
  if (signal === null) expect(code).toBe(0);
  return signal === "SIGKILL";
}
