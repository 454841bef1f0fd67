import { existsSync } from "node:fs";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { maintain, pruneRefs, removeLeftovers } from "@slipway/git/maintenance";
import { fetchCommit, pushCommit } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { expect, test } from "vitest";
import { accessOf, type Bench, commitFiles, git, makeHub, makeWorkspace, never, openWorker, serveHub, takenOid, writeFiles } from "./fixture.ts";

const DAY_MS = 86_400_000;

/** Makes everything in a store old enough to be pruned. */
async function age(gitDir: string, ms: number): Promise<void> {
  const seconds = (Date.now() - ms) / 1_000;
  for (const entry of await readdir(join(gitDir, "objects"), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), seconds, seconds);
}

async function has(gitDir: string, oid: string): Promise<boolean> {
  return git(gitDir, "cat-file", "-e", oid).then(
    () => true,
    () => false,
  );
}

/** A job's commit on the hub, on the hub's newest commit of main. */
async function pushJob(bench: Bench, name: string, baseOid = bench.baseOid): Promise<{ oid: string; ref: string }> {
  const hub = accessOf(bench, await serveHub(bench));
  const repository = await openWorker(bench, hub, `pusher-${name}`);
  const workspace = await makeWorkspace(bench, repository, `ws-${name}`, baseOid);
  await writeFiles(workspace, { [name]: name });
  const oid = await takenOid(bench, repository, workspace, baseOid);
  await pushCommit(repository, hub, oid, undefined, never);
  return { oid, ref: hub.pushRef };
}

test("refs that are gone are deleted, the newest come first, and one that moved meanwhile keeps all", async () => {
  const bench = await makeHub({ a: "1" });
  const jobs = join(bench.root, "jobs.git");
  const [one, two] = [await pushJob(bench, "one"), await pushJob(bench, "two")];
  expect(await pruneRefs(bench.root, "jobs", "refs/slipway/jobs/", (refs) => refs.filter(({ ref }) => ref === one.ref))).toBe(1);
  expect(await git(jobs, "for-each-ref", "--format=%(refname)")).toBe(two.ref);
  const moved = pruneRefs(bench.root, "jobs", "refs/slipway/jobs/", async (refs) => {
    await git(jobs, "update-ref", two.ref, one.oid);
    return refs;
  });
  await expect(moved).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await git(jobs, "rev-parse", two.ref)).toBe(one.oid);
  await expect(pruneRefs(bench.root, "upstream", "refs/heads/", (refs) => refs)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  expect(await git(join(bench.root, "upstream.git"), "rev-parse", "refs/upstream/main")).toBe(bench.baseOid);
});

test("what no ref reaches is removed when it is old, and nothing before", async () => {
  const bench = await makeHub({ a: "1" });
  const jobs = join(bench.root, "jobs.git");
  const [gone, kept] = [await pushJob(bench, "gone"), await pushJob(bench, "kept")];
  await pruneRefs(bench.root, "jobs", "refs/slipway/jobs/", (refs) => refs.filter(({ ref }) => ref === gone.ref));
  await maintain(bench.root, { pruneAfterMs: DAY_MS });
  expect(await has(jobs, gone.oid)).toBe(true);
  await age(jobs, 2 * DAY_MS);
  await maintain(bench.root, { pruneAfterMs: DAY_MS });
  expect(await has(jobs, gone.oid)).toBe(false);
  expect(await git(jobs, "fsck", "--strict")).toBe("");
  expect(await git(jobs, "show", `${kept.oid}:kept`)).toBe("kept");
});

test("upstream.git keeps what only a job's commit still stands on", async () => {
  const bench = await makeHub({ a: "1" });
  const upstream = join(bench.root, "upstream.git");
  const [standsOn, dropped] = [await commitFiles(bench.source, { a: "2" }), await commitFiles(bench.source, { a: "3" })];
  await fetchUpstream(bench.root, bench.source, never);
  const job = await pushJob(bench, "job", standsOn);
  await git(bench.source, "reset", "-q", "--hard", bench.baseOid);
  await fetchUpstream(bench.root, bench.source, never);
  await age(upstream, 2 * DAY_MS);
  await maintain(bench.root, { pruneAfterMs: DAY_MS });
  expect([await has(upstream, bench.baseOid), await has(upstream, standsOn), await has(upstream, dropped)]).toEqual([true, true, false]);
  expect(await git(join(bench.root, "jobs.git"), "log", "--format=%H", job.oid)).toBe([job.oid, standsOn, bench.baseOid].join("\n"));
  await pruneRefs(bench.root, "jobs", "refs/slipway/jobs/", (refs) => refs);
  await maintain(bench.root, { pruneAfterMs: DAY_MS });
  expect(await has(upstream, standsOn)).toBe(false);
});

test("many packs become one, and what is dropped from them goes when it is old", async () => {
  const bench = await makeHub({ a: "1" });
  const upstream = join(bench.root, "upstream.git");
  for (let index = 0; index < 21; index += 1) {
    // From a hundred objects on git keeps the pack that came.
    await commitFiles(bench.source, Object.fromEntries(Array.from({ length: 100 }, (_, file) => [`f${file}`, `${index} ${file}`])));
    await fetchUpstream(bench.root, bench.source, never);
  }
  const packs = async (): Promise<number> => (await readdir(join(upstream, "objects/pack"))).filter((name) => name.endsWith(".pack")).length;
  const newest = await git(upstream, "rev-parse", "refs/upstream/main");
  expect(await packs()).toBe(21);
  await maintain(bench.root, { pruneAfterMs: DAY_MS });
  expect(await packs()).toBe(1);
  expect(await git(upstream, "rev-list", "--count", newest)).toBe("22");
  expect(await readdir(upstream)).not.toContainEqual(expect.stringContaining("maintain-"));
});

test("a worker elsewhere keeps the boundary of a shallow history", async () => {
  const bench = await makeHub({ a: "1" });
  for (const a of ["2", "3", "4"]) await commitFiles(bench.source, { a });
  const shallow = join(bench.dir, "shallow");
  await git(bench.dir, "clone", "-q", "--depth=2", "--no-local", `file://${bench.source}`, shallow);
  const root = join(bench.dir, "shallow-hub");
  const { createHubRepository } = await import("@slipway/git/hub");
  await createHubRepository(root, bench.installationId);
  await fetchUpstream(root, shallow, never);
  const hub = { ...bench, root };
  const access = accessOf(hub, await serveHub(hub), { remote: true });
  const repository = await openWorker(hub, access);
  await fetchCommit(repository, access, await git(shallow, "rev-parse", "HEAD"), "upstream", never);
  await maintain(repository.dir, { pruneAfterMs: 0 });
  for (const store of [repository.upstreamGit, repository.jobsGit])
    expect(await git(store, "rev-list", "--count", await git(shallow, "rev-parse", "HEAD"))).toBe("2");
});

test("leftovers of a killed process go, and nothing else", async () => {
  const bench = await makeHub({ a: "1" });
  const jobs = join(bench.root, "jobs.git");
  await mkdir(join(jobs, "quarantine-abc123/pack"), { recursive: true });
  await writeFile(join(jobs, "quarantine-abc123/pack/x"), "x");
  await mkdir(join(bench.root, "upstream.git/incoming-abc123"));
  await mkdir(join(bench.root, "quarantine-of-another"));
  await removeLeftovers(bench.root);
  expect(existsSync(join(jobs, "quarantine-abc123"))).toBe(false);
  expect(existsSync(join(bench.root, "upstream.git/incoming-abc123"))).toBe(false);
  expect(existsSync(join(bench.root, "quarantine-of-another"))).toBe(true);
  expect(await git(jobs, "rev-parse", "--is-bare-repository")).toBe("true");
  await removeLeftovers(join(bench.dir, "nowhere"));
});
