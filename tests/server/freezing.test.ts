import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import { newId } from "@slipway/protocol/scalars";
import { afterEach, beforeEach, expect, test } from "vitest";
import { git, type TestRepository } from "../support/repository.ts";
import { TestServer, withCredential } from "./server-harness.ts";

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

interface Waiting {
  readonly source: TestRepository;
  readonly repo: string;
  readonly job: number;
  readonly baseOid: string;
  /** The job's commit: `b.txt` is new. */
  readonly oid: string;
}

/** A job without gates whose change waits for an integrator. */
async function waiting(known?: Pick<Waiting, "source" | "repo">): Promise<Waiting> {
  const made = known ? undefined : await server.repository({ "a.txt": "one\ntwo\nthree\nfour\n", "c.txt": "c\n" });
  const source = known?.source ?? (made?.source as TestRepository);
  const repo = known?.repo ?? made?.view.id ?? "";
  const workerId = await server.worker(["backend:script"]);
  await server.submit(repo, { target: "main" });
  const claim = await server.claim(workerId, { waitMs: 5_000 });
  if (!claim) throw new Error("no claim");
  const oid = await server.pushChange(source, claim, { "b.txt": "b\n", "a.txt": "one\ntwo\nthree\n4\n" });
  await server.client("worker").call("finish", {
    params: { job: claim.job.id, fence: claim.fence },
    body: { outcome: { kind: "change", oid, diffStat: { files: 1, insertions: 1, deletions: 0 } } },
  });
  return { source, repo, job: claim.job.number, baseOid: claim.job.baseOid, oid };
}

async function claim(integratorId: string, waitMs = 5_000): Promise<ClaimedCompletion | null> {
  return (await server.client("integrator").call("claimCompletion", { body: { claimId: newId(), integratorId, waitMs } })).claimed;
}

async function taken(integratorId = newId()): Promise<ClaimedCompletion> {
  const claimed = await claim(integratorId);
  if (!claimed) throw new Error("no completion");
  return claimed;
}

/** What an integrator that goes wrong would push: a commit on `parent` that also writes these files. */
async function wrongMerge({ source, oid }: Waiting, claimed: ClaimedCompletion, parent: string, more: Record<string, string | null>): Promise<string> {
  await git(source.root, "fetch", "--quiet", withCredential(claimed.hub.jobsUrl, claimed.hub.credential), oid);
  await git(source.root, "read-tree", "--reset", oid);
  for (const [path, text] of Object.entries(more)) {
    if (text === null) await git(source.root, "rm", "--quiet", "--force", "--cached", path);
    else await git(source.root, "update-index", "--add", "--cacheinfo", `100644,${await git(source.root, "rev-parse", text)},${path}`);
  }
  const tree = await git(source.root, "write-tree");
  const merged = await git(source.root, "commit-tree", "-m", "wrong", "-p", parent, tree);
  await git(source.root, "push", "--quiet", withCredential(claimed.hub.jobsUrl, claimed.hub.credential), `+${merged}:${claimed.hub.pushRef}`);
  return merged;
}

function land(claimed: ClaimedCompletion, mergedOid: string, expectedOld: string | null) {
  const params = { completion: claimed.completion.id, fence: claimed.fence };
  return server.client("integrator").call("landCompletion", { params, body: { mergedOid, expectedOld } });
}

const trainsOf = (repo: string) => server.client("viewer").call("showTrains", { params: { repo }, query: {} });

test("a merge that changes a file that the job did not change lands nothing and freezes the target, until a person resumes it", async () => {
  const job = await waiting();
  const integratorId = newId();
  const claimed = await taken(integratorId);
  const wrong = await wrongMerge(job, claimed, claimed.targetOid ?? "", { "c.txt": `${job.oid}:b.txt`, "a.txt": null });
  await expect(land(claimed, wrong, claimed.targetOid)).rejects.toMatchObject({
    code: "LANDING_UNSAFE",
    message: expect.stringContaining("changes files that the job did not change: c.txt."),
  });
  expect((await server.client("viewer").call("getBranch", { params: { repo: job.repo }, query: { branch: "main" } })).oid).toBe(claimed.targetOid);
  // Its lease went with the freezing, and nobody gets anything of that target.
  await expect(land(claimed, job.oid, claimed.targetOid)).rejects.toMatchObject({ code: "TRAIN_FROZEN", message: expect.stringContaining("c.txt") });
  const next = await waiting(job);
  expect(await claim(integratorId, 0)).toBeNull();

  const explained = await server.client("viewer").call("explainJob", { params: { job: next.job } });
  expect(explained).toMatchObject({ owner: "you", reason: expect.stringContaining(`main is frozen since`) });
  expect(explained.reason).toContain("changes files that the job did not change: c.txt.");
  expect(explained.unblock).toContain("slipway train resume");
  const { trains } = await trainsOf(job.repo);
  expect(trains).toMatchObject([{ target: "main", frozen: { code: "LANDING_UNSAFE", by: null }, cars: [{ job: job.job, place: null }, { job: next.job }] }]);
  const { events } = await server.client("viewer").call("listEvents", { params: { job: job.job }, query: {} });
  expect(JSON.stringify(events)).toContain("Nothing lands on main until a person resumes it.");

  const freed = claim(integratorId);
  expect(await server.client("admin").call("resumeTrain", { params: { repo: job.repo }, body: {} })).toEqual({ resumed: ["main"] });
  const again = await freed;
  if (!again) throw new Error("nobody was woken");
  expect((await land(again, job.oid, again.targetOid)).completion.state).toBe("landed");
  const { entries } = await server.client("admin").call("listAudit", { query: {} });
  expect(entries.filter(({ action }) => action === "resumeTrain")).toMatchObject([{ outcome: "ok", object: { kind: "repository", id: job.repo } }]);
});

test("a merge that does not build on the target freezes it too", async () => {
  const job = await waiting();
  const claimed = await taken();
  const merged = await wrongMerge(job, claimed, job.oid, {});
  await git(job.source.root, "checkout", "--quiet", "main");
  await git(job.source.root, "reset", "--quiet", "--hard", "main");
  const orphan = await git(job.source.root, "commit-tree", "-m", "orphan", `${merged}^{tree}`);
  await git(job.source.root, "push", "--quiet", withCredential(claimed.hub.jobsUrl, claimed.hub.credential), `+${orphan}:${claimed.hub.pushRef}`);
  await expect(land(claimed, orphan, claimed.targetOid)).rejects.toMatchObject({
    code: "LANDING_UNSAFE",
    message: expect.stringContaining("would drop commits"),
  });
});

test("a file that the target has renamed meanwhile takes the change along, and nothing is frozen", async () => {
  const job = await waiting();
  await git(job.source.root, "mv", "a.txt", "moved.txt");
  await git(job.source.root, "commit", "--quiet", "--message", "Move it");
  const moved = await git(job.source.root, "rev-parse", "HEAD");
  await server.client("admin").call("syncRepository", { params: { repo: job.repo }, body: {} });
  await server.client("admin").call("syncBranch", { params: { repo: job.repo }, body: { branch: "main", oid: moved } });
  const claimed = await taken();
  expect(claimed.targetOid).toBe(moved);
  const merged = await wrongMerge(job, claimed, moved, { "moved.txt": `${job.oid}:a.txt`, "a.txt": null });
  expect((await land(claimed, merged, moved)).completion.state).toBe("landed");
});

test("a person freezes a branch with a reason: what is in hand is taken back, and the first reason stays", async () => {
  const job = await waiting();
  const claimed = await taken();
  const admin = server.client("admin");
  const freeze = (reason: string) => admin.call("freezeTrain", { params: { repo: job.repo }, body: { target: "main", reason } });
  expect(await freeze("release day")).toMatchObject({ target: "main", code: "TRAIN_FROZEN", reason: "release day", by: "admin of this machine" });
  expect(await freeze("another")).toMatchObject({ reason: "release day" });
  await expect(land(claimed, job.oid, claimed.targetOid)).rejects.toMatchObject({ code: "TRAIN_FROZEN", message: "Nothing lands on main: release day" });
  const params = { completion: claimed.completion.id, fence: claimed.fence };
  await expect(server.client("integrator").call("renewCompletion", { params, body: {} })).rejects.toMatchObject({ code: "TRAIN_FROZEN" });
  await expect(server.client("submitter").call("resumeTrain", { params: { repo: job.repo }, body: {} })).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(await admin.call("resumeTrain", { params: { repo: job.repo }, body: { target: "release" } })).toEqual({ resumed: [] });
  expect(await admin.call("resumeTrain", { params: { repo: job.repo }, body: { target: "main" } })).toEqual({ resumed: ["main"] });
  expect((await trainsOf(job.repo)).trains).toMatchObject([{ frozen: null, cars: [{ job: job.job }] }]);
});
