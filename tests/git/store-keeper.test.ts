import { existsSync, mkdirSync, readdirSync, watch } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fetchCommit, openWorkerRepository, pushCommit, type WorkerRepository } from "@slipway/git/repository";
import { StoreKeeper } from "@slipway/git/store-keeper";
import { fetchUpstream } from "@slipway/git/upstream";
import type { HubAccess } from "@slipway/protocol/worker-api";
import { expect, test } from "vitest";
import { accessOf, type Bench, commitFiles, git, makeHub, makeWorkspace, never, openWorker, serveHub, takenOid, writeFiles } from "./fixture.ts";

/** A worker on another machine, with the stores of one repository under `repositories/one`. */
async function makeWorker(): Promise<{ bench: Bench; hub: HubAccess; folder: string; repository: WorkerRepository }> {
  const bench = await makeHub({ a: "1" });
  const hub = accessOf(bench, await serveHub(bench), { remote: true });
  const folder = join(bench.dir, "repositories");
  await mkdir(folder);
  return { bench, hub, folder, repository: await openWorkerRepository(join(folder, "one"), hub, never) };
}

const trouble: unknown[] = [];
const keeperOf = (folder: string, idleMs = 3_600_000): StoreKeeper => new StoreKeeper({ folder, idleMs, onTrouble: (error) => trouble.push(error) });

const fetchedIn = async (gitDir: string): Promise<string[]> => {
  const listing = await git(gitDir, "for-each-ref", "--format=%(refname:lstrip=3)", "refs/slipway/fetched/");
  return listing.split("\n").filter(Boolean).sort();
};

/** Resolves when the condition holds, looked at whenever something changes in the folder. */
async function untilIn(folder: string, condition: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => void (condition() && resolve());
  const watcher = watch(folder, look);
  look();
  await promise.finally(() => watcher.close());
}

test("a fetched commit keeps its ref as long as somebody needs it, and the newest bases longer", async () => {
  const { bench, hub, folder, repository } = await makeWorker();
  const bases: string[] = [];
  for (let index = 0; index < 10; index += 1) bases.push(await commitFiles(bench.source, { a: String(index) }));
  await fetchUpstream(bench.root, bench.source, never);
  const pusher = await openWorker(bench, undefined, "pusher");
  const workspace = await makeWorkspace(bench, pusher);
  await writeFiles(workspace, { b: "1" });
  const jobOid = await takenOid(bench, pusher, workspace);
  await pushCommit(pusher, { ...hub, localPath: bench.root }, jobOid, undefined, never);

  const keeper = keeperOf(folder);
  const verifying = await keeper.use("one", [jobOid]);
  const working = await Promise.all(bases.map((oid) => keeper.use("one", [oid])));
  await fetchCommit(repository, hub, jobOid, "jobs", never);
  // Oldest first: each of them is new to the worker.
  for (const oid of bases) await fetchCommit(repository, hub, oid, "upstream", never);
  (await keeper.use("one", []))[Symbol.dispose]();
  verifying[Symbol.dispose]();
  verifying[Symbol.dispose]();
  await keeper[Symbol.asyncDispose]();
  expect(await fetchedIn(repository.jobsGit)).toEqual([]);
  expect(await fetchedIn(repository.upstreamGit)).toEqual(bases.toSorted());

  for (const use of working) use[Symbol.dispose]();
  await keeper[Symbol.asyncDispose]();
  expect(await fetchedIn(repository.upstreamGit)).toHaveLength(8);
  expect(trouble).toEqual([]);
});

test("stores are packed and pruned when nothing has been in use for a while, and not before", async () => {
  const { folder, repository } = await makeWorker();
  mkdirSync(join(folder, "two"));
  await using keeper = keeperOf(folder, 1);
  const marker = join(repository.dir, "maintained");
  const [one, two] = [await keeper.use("one", []), await keeper.use("two", [])];
  two[Symbol.dispose]();
  // Longer than the keeper's wait: git runs a few times.
  for (let index = 0; index < 5; index += 1) await git(repository.jobsGit, "for-each-ref");
  expect(existsSync(marker)).toBe(false);
  one[Symbol.dispose]();
  await untilIn(repository.dir, () => existsSync(marker));
  expect(trouble).toEqual([]);
});

test("maintenance gives way to whoever needs the stores, and leaves them whole", async () => {
  const { folder, repository } = await makeWorker();
  await using keeper = keeperOf(folder, 0);
  await untilIn(repository.upstreamGit, () => readdirSync(repository.upstreamGit).some((name) => name.startsWith("maintain-")));
  using _use = await keeper.use("one", []);
  expect(await readdir(repository.upstreamGit)).not.toContainEqual(expect.stringContaining("maintain-"));
  expect(await git(repository.upstreamGit, "fsck", "--strict")).toBe("");
  expect(trouble).toEqual([]);
});

test("what a killed process left half-made is removed at the start", async () => {
  const { folder, repository } = await makeWorker();
  await mkdir(join(repository.jobsGit, "quarantine-abc123/pack"), { recursive: true });
  await using keeper = keeperOf(folder);
  await keeper.removeLeftovers();
  expect(await readdir(repository.jobsGit)).not.toContain("quarantine-abc123");
});
