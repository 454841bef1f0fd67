import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { conflictsOnHub, foreseenOnHub, parentOf } from "@slipway/git/hub-merges";
import { layMerge } from "@slipway/git/laid-merge";
import { landedSince } from "@slipway/git/landed-since";
import type { WorkerRepository } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { expect, test } from "vitest";
import { type Bench, commitFiles, type FileSpec, git, makeHub, makeWorkspace, never, openWorker, scratch, takenOid, writeFiles } from "./fixture.ts";

interface Scene {
  readonly bench: Bench;
  readonly repository: WorkerRepository;
  /** The job's commit, and the target's newest one. */
  readonly theirs: string;
  readonly ours: string;
}

/** A job's change, and what landed meanwhile; the hub has both. */
async function scene(base: Record<string, FileSpec>, change: Record<string, FileSpec>, landed: Record<string, FileSpec>, gone: string[] = []): Promise<Scene> {
  const bench = await makeHub(base);
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  await writeFiles(workspace, change);
  const theirs = await takenOid(bench, repository, workspace);
  await git(repository.jobsGit, "push", "--quiet", join(bench.root, "jobs.git"), `${theirs}:refs/slipway/jobs/x/1`);
  for (const path of gone) await rm(join(bench.source, path));
  const ours = await commitFiles(bench.source, landed, "Meanwhile\n\nSlipway-Job: 0197a000-0000-7000-8000-000000000001");
  await fetchUpstream(bench.root, bench.source, never);
  return { bench, repository, theirs, ours };
}

const names = { base: "before", ours: "main", theirs: "this job (ü \\1)" };

test("a conflict is laid out as files with markers that name the sides; what merges is merged", async () => {
  const { bench, repository, ours, theirs } = await scene(
    { a: "one\ntwo\nthree\n", free: "1\n", both: "x\n" },
    { a: "one\nzwei\nthree\n", free: "2\n", "new file": "n\n" },
    { a: "one\n2\nthree\n", both: "y\n" },
  );
  const out = join(await scratch(), "merge");
  const laid = await layMerge(repository, { base: bench.baseOid, ours, theirs, out, names, signal: never });
  expect(laid.conflicts).toEqual([{ path: "a", kind: "contents" }]);
  expect(laid.changes.map(({ path, status }) => `${status} ${path}`)).toEqual(["modified a", "modified free", "added new file"]);
  expect(await readFile(join(out, "files/a"), "utf8")).toBe("one\n<<<<<<< main\n2\n||||||| before\ntwo\n=======\nzwei\n>>>>>>> this job (ü \\1)\nthree\n");
  expect((await readdir(join(out, "files"))).toSorted()).toEqual(["a", "free", "new file"]);
});

test("a file that one side deleted and the other changed is told as such, and a binary one is left as the target has it", async () => {
  const { bench, repository, ours, theirs } = await scene(
    { gone: "1\n", kept: "k\n", picture: "\0one" },
    { gone: "2\n", picture: "\0two" },
    { picture: "\0three" },
    ["gone"],
  );
  const out = join(await scratch(), "merge");
  const laid = await layMerge(repository, { base: bench.baseOid, ours, theirs, out, names, signal: never });
  expect(laid.conflicts.map(({ path, kind }) => [path, kind])).toEqual([
    ["gone", "modify/delete"],
    ["picture", expect.stringMatching(/binary|contents/)],
  ]);
  expect(laid.changes).toMatchObject([{ path: "gone", status: "added" }]);
});

test("the hub foresees the same, and keeps nothing of it", async () => {
  const { bench, ours, theirs } = await scene({ a: "1\n", b: "1\n" }, { a: "2\n" }, { a: "3\n" });
  const objects = async (): Promise<string> => await git(join(bench.root, "jobs.git"), "count-objects", "-v");
  const before = await objects();
  expect(await conflictsOnHub(bench.root, { base: bench.baseOid, ours, theirs })).toEqual([{ path: "a", kind: "contents" }]);
  expect(await foreseenOnHub(bench.root, ours, theirs)).toEqual([{ path: "a", kind: "contents" }]);
  expect(await foreseenOnHub(bench.root, bench.baseOid, theirs)).toEqual([]);
  expect(await objects()).toBe(before);
  expect(await parentOf(bench.root, theirs)).toBe(bench.baseOid);
  expect(await parentOf(bench.root, bench.baseOid)).toBeNull();
});

test("what landed meanwhile is told by its commits, with the job behind each", async () => {
  const { bench, ours } = await scene({ a: "1\n", b: "1\n" }, { a: "2\n" }, { a: "3\n" });
  const later = await commitFiles(bench.source, { b: "4\n" }, "By hand");
  await fetchUpstream(bench.root, bench.source, never);
  const since = { from: bench.baseOid, to: later, limit: 10 };
  const meanwhile = { oid: ours, subject: "Meanwhile", jobId: "0197a000-0000-7000-8000-000000000001" };
  expect(await landedSince(bench.root, { ...since, paths: ["a", ":(glob)*"] })).toEqual([meanwhile]);
  expect(await landedSince(bench.root, { ...since, paths: [] })).toEqual([{ oid: later, subject: "By hand", jobId: null }, meanwhile]);
});
