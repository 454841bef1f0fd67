import { join } from "node:path";
import { mergeOnto } from "@slipway/git/merge";
import type { WorkerRepository } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { AUTHOR, type Bench, commitFiles, type FileSpec, git, makeHub, makeWorkspace, never, openWorker, scratch, takenOid, writeFiles } from "./fixture.ts";

const committer = { name: "Integrator", email: "integrator@example.com" };

interface Setup {
  readonly bench: Bench;
  readonly repository: WorkerRepository;
  readonly commitOid: string;
}

/** A job's commit on the base. */
async function jobCommit(base: Record<string, FileSpec>, change: Record<string, FileSpec>): Promise<Setup> {
  const bench = await makeHub(base);
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  await writeFiles(workspace, change);
  return { bench, repository, commitOid: await takenOid(bench, repository, workspace) };
}

async function advance(bench: Bench, files: Record<string, FileSpec>): Promise<string> {
  const oid = await commitFiles(bench.source, files, "meanwhile");
  await fetchUpstream(bench.root, bench.source, never);
  return oid;
}

test("onto its own base the commit is the answer itself", async () => {
  const { bench, repository, commitOid } = await jobCommit({ a: "1" }, { a: "2" });
  const merged = await mergeOnto(repository, { commitOid, baseOid: bench.baseOid, ontoOid: bench.baseOid, committer });
  expect(merged).toEqual({ kind: "merged", oid: commitOid, tree: await git(repository.jobsGit, "rev-parse", `${commitOid}^{tree}`) });
});

test("onto a branch that moved it is one new commit with the same author and message", async () => {
  const { bench, repository, commitOid } = await jobCommit({ a: "1\n", b: "1\n" }, { a: "2\n", "new ü": "n" });
  const ontoOid = await advance(bench, { b: "2\n" });
  const merged = await mergeOnto(repository, { commitOid, baseOid: bench.baseOid, ontoOid, committer });
  if (merged.kind !== "merged") throw new Error("conflict");
  const show = (oid: string, format: string) => git(repository.jobsGit, "show", "-s", `--format=${format}`, oid);
  expect(await show(merged.oid, "%P %T")).toBe(`${ontoOid} ${merged.tree}`);
  expect(await show(merged.oid, "%an %ae %ad %B")).toBe(await show(commitOid, "%an %ae %ad %B"));
  expect(await show(merged.oid, "%cn")).toBe("Integrator");
  expect(await git(repository.jobsGit, "diff", "--name-only", "-z", ontoOid, merged.oid)).toBe("a\0new ü\0");
  await expect(git(repository.upstreamGit, "cat-file", "-e", merged.oid)).rejects.toThrow();
});

test("onto a branch that contains the commit, that branch's own commit is the answer", async () => {
  const { bench, repository, commitOid } = await jobCommit({ a: "1" }, { a: "2" });
  const env = ["-c", "user.name=x", "-c", "user.email=x@y"];
  const ontoOid = await git(repository.jobsGit, ...env, "commit-tree", "-m", "later", "-p", commitOid, `${commitOid}^{tree}`);
  expect(await mergeOnto(repository, { commitOid, baseOid: bench.baseOid, ontoOid, committer })).toMatchObject({ kind: "merged", oid: ontoOid });
});

test("message and trailers can be given", async () => {
  const { bench, repository, commitOid } = await jobCommit({ a: "1" }, { a: "2" });
  const ontoOid = await advance(bench, { b: "2" });
  const merged = await mergeOnto(repository, {
    commitOid,
    baseOid: bench.baseOid,
    ontoOid,
    committer,
    message: "Title\n\nJob: 1",
    trailers: { Landed: "yes\nno" },
  });
  if (merged.kind !== "merged") throw new Error("conflict");
  expect(await git(repository.jobsGit, "show", "-s", "--format=%B", merged.oid)).toBe("Title\n\nJob: 1\nLanded: yes no\n");
});

test("conflicts name their paths: content, deletion, file against folder", async () => {
  const name = "with space\nü";
  const { bench, repository, commitOid } = await jobCommit({ [name]: "1\n", gone: "1\n" }, { [name]: "2\n", gone: "changed\n", thing: "file\n" });
  await git(bench.source, "rm", "-q", "gone");
  const ontoOid = await advance(bench, { [name]: "3\n", "thing/inner": "x\n" });
  const merged = await mergeOnto(repository, { commitOid, baseOid: bench.baseOid, ontoOid, committer });
  if (merged.kind !== "conflict") throw new Error("merged");
  expect(merged.paths).toContain(name);
  expect(merged.paths).toContain("gone");
  expect(merged.paths.some((path) => path.startsWith("thing"))).toBe(true);
});

test("onto a target that does not contain the base, only the job's own change moves", async () => {
  const { bench, repository, commitOid } = await jobCommit({ a: "1\n", b: "1\n", develop: "only on develop\n" }, { a: "2\n" });
  await git(bench.source, "checkout", "-q", "--orphan", "release");
  await git(bench.source, "rm", "-rqf", ".");
  const ontoOid = await advance(bench, { a: "1\n", b: "release\n" });
  const merged = await mergeOnto(repository, { commitOid, baseOid: bench.baseOid, ontoOid, committer });
  if (merged.kind !== "merged") throw new Error("conflict");
  expect(await git(repository.jobsGit, "diff", "--name-only", ontoOid, merged.oid)).toBe("a");
  expect(await git(repository.jobsGit, "rev-list", merged.oid)).toBe(`${merged.oid}\n${ontoOid}`);
});

describe("styles", () => {
  const show = (repository: WorkerRepository, oid: string, format: string) => git(repository.jobsGit, "show", "-s", `--format=${format}`, oid);

  test.each(["fast-forward", "rebase", "squash", "merge"] as const)(
    "%s onto its own base and onto a branch that moved: the same tree, its own commit",
    async (style) => {
      const { bench, repository, commitOid } = await jobCommit({ a: "1\n", b: "1\n" }, { a: "2\n" });
      const moved = await advance(bench, { b: "2\n" });
      for (const ontoOid of [bench.baseOid, moved]) {
        const request = { commitOid, baseOid: bench.baseOid, ontoOid, committer: { ...committer, date: "@1700000000 +0000" }, mergePrefix: "Merge job 7: " };
        const merged = await mergeOnto(repository, { ...request, style });
        const plain = await mergeOnto(repository, request);
        if (merged.kind !== "merged" || plain.kind !== "merged") throw new Error("conflict");
        expect(merged.tree).toBe(plain.tree);
        expect(await git(repository.jobsGit, "rev-parse", `${merged.oid}^{tree}`)).toBe(plain.tree);
        expect(await mergeOnto(repository, { ...request, style })).toEqual(merged);
        expect(merged.oid === commitOid).toBe(style === "fast-forward" && ontoOid === bench.baseOid);
        expect(await show(repository, merged.oid, "%P")).toBe(style === "merge" ? `${ontoOid} ${commitOid}` : ontoOid);
        if (merged.oid === commitOid) continue;
        const own = await show(repository, commitOid, "%B");
        expect(await show(repository, merged.oid, "%an|%cn")).toBe(
          style === "merge" ? "Integrator|Integrator" : `${await show(repository, commitOid, "%an")}|Integrator`,
        );
        expect(await show(repository, merged.oid, "%B")).toBe(style === "merge" ? `Merge job 7: ${own}` : own);
        expect(await show(repository, merged.oid, "%(trailers)")).toBe(await show(repository, commitOid, "%(trailers)"));
      }
    },
  );

  test("rebase keeps the commits of a change apart, squash makes one of them", async () => {
    const { bench, repository, commitOid } = await jobCommit({ a: "1\n", b: "1\n" }, { a: "2\n" });
    const env = ["-c", "user.name=second", "-c", "user.email=x@y"];
    const blob = await git(repository.jobsGit, "rev-parse", `${commitOid}:b`);
    const tree = await git(repository.jobsGit, "rev-parse", `${commitOid}^{tree}`);
    const entries = await git(repository.jobsGit, "ls-tree", tree);
    const folder = await scratch();
    await writeFiles(folder, { tree: `${entries}\n100644 blob ${blob}\tc\n` });
    const both = await git(repository.jobsGit, ...env, "commit-tree", "-m", "and c", "-p", commitOid, await mktree(repository, join(folder, "tree")));
    const ontoOid = await advance(bench, { b: "2\n" });
    const of = async (style: "rebase" | "squash"): Promise<string> => {
      const merged = await mergeOnto(repository, { commitOid: both, baseOid: bench.baseOid, ontoOid, committer, style });
      if (merged.kind !== "merged") throw new Error("conflict");
      return merged.oid;
    };
    const [rebased, squashed] = [await of("rebase"), await of("squash")];
    const log = (oid: string) => git(repository.jobsGit, "log", "--format=%an %s", `${ontoOid}..${oid}`);
    expect(await log(rebased)).toBe(`second and c\n${await git(repository.jobsGit, "show", "-s", "--format=%an %s", commitOid)}`);
    expect(await log(squashed)).toBe("second and c");
    expect(await git(repository.jobsGit, "diff", "--name-only", ontoOid, rebased)).toBe("a\nc");
    expect(await git(repository.jobsGit, "diff", rebased, squashed)).toBe("");
  });

  test("a merge commit never brings a base along that the target does not have", async () => {
    const { bench, repository, commitOid } = await jobCommit({ a: "1\n", develop: "only on develop\n" }, { a: "2\n" });
    await git(bench.source, "checkout", "-q", "--orphan", "release");
    await git(bench.source, "rm", "-rqf", ".");
    const ontoOid = await advance(bench, { a: "1\n", b: "release\n" });
    const merged = await mergeOnto(repository, { commitOid, baseOid: bench.baseOid, ontoOid, committer, style: "merge" });
    if (merged.kind !== "merged") throw new Error("conflict");
    expect(await show(repository, merged.oid, "%P")).toBe(ontoOid);
    expect(await git(repository.jobsGit, "diff", "--name-only", ontoOid, merged.oid)).toBe("a");
  });
});

async function mktree({ jobsGit }: WorkerRepository, file: string): Promise<string> {
  const { stdout } = await execa("git", ["mktree"], { cwd: jobsGit, inputFile: file });
  return stdout;
}

test("merge drivers and attributes of either side run nothing", async () => {
  const { bench, repository, commitOid } = await jobCommit({ ".gitattributes": "* merge=evil\n", a: "1\n2\n3\n4\n5\n" }, { a: "0\n2\n3\n4\n5\n" });
  const ontoOid = await advance(bench, { a: "1\n2\n3\n4\n6\n" });
  const merged = await mergeOnto(repository, { commitOid, baseOid: bench.baseOid, ontoOid, committer });
  if (merged.kind !== "merged") throw new Error("conflict");
  expect(await git(repository.jobsGit, "cat-file", "-p", `${merged.oid}:a`)).toBe("0\n2\n3\n4\n6");
});

test("a commit that is not there is said to be missing", async () => {
  const { bench, repository } = await jobCommit({ a: "1" }, { a: "2" });
  const missing = "1".repeat(40);
  for (const ontoOid of [bench.baseOid, missing]) {
    await expect(mergeOnto(repository, { commitOid: missing, baseOid: bench.baseOid, ontoOid, committer: AUTHOR })).rejects.toMatchObject({
      code: "BASE_NOT_FOUND",
    });
  }
});
