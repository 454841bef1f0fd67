import { execFileSync } from "node:child_process";
import { mkdir, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { WorkerRepository } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { expect, test } from "vitest";
import { type Bench, commitFiles, commitWorkspace, type FileSpec, git, makeFifo, makeHub, makeWorkspace, never, openWorker, writeFiles } from "./fixture.ts";

interface Setup {
  readonly bench: Bench;
  readonly repository: WorkerRepository;
  readonly workspace: string;
}

async function setup(files: Record<string, FileSpec>): Promise<Setup> {
  const bench = await makeHub(files);
  const repository = await openWorker(bench);
  return { bench, repository, workspace: await makeWorkspace(bench, repository) };
}

async function taken({ bench, repository, workspace }: Setup, baseOid = bench.baseOid) {
  const result = await commitWorkspace(bench, repository, workspace, baseOid);
  if (result.empty) throw new Error("nothing changed");
  return result;
}

test("nothing changed is empty, and touching files changes nothing", async () => {
  const { bench, repository, workspace } = await setup({ a: "1\n", b: { link: "a" } });
  await writeFiles(workspace, { a: "1\n" });
  await mkdir(join(workspace, "empty/folder"), { recursive: true });
  expect(await commitWorkspace(bench, repository, workspace)).toEqual({ empty: true });
});

test("a file that was changed within the second of its checkout, its size kept and its time set back, is seen", async () => {
  const names = Array.from({ length: 30 }, (_, index) => `f${index}`);
  for (let round = 0; round < 3; round += 1) {
    const s = await setup(Object.fromEntries(names.map((name) => [name, "before\n"])));
    for (const name of names) {
      const path = join(s.workspace, name);
      const { atime, mtime } = await stat(path);
      await writeFile(path, "after!\n");
      await utimes(path, atime, mtime);
    }
    expect((await taken(s)).changes).toHaveLength(names.length);
  }
});

test("added, changed and deleted files make one commit on the base, with message and trailers", async () => {
  const s = await setup({ changed: "1\n2\n", gone: "x\n", kept: "k\n", script: "s\n" });
  await writeFiles(s.workspace, { changed: "1\n3\n4\n", "new/file": "n\n", script: { run: "s\n" }, bin: Buffer.from([0, 1]) });
  await rm(join(s.workspace, "gone"));
  const result = await taken(s);
  expect(result.changes).toEqual([
    { path: "bin", status: "added", mode: "100644" },
    { path: "changed", status: "modified", mode: "100644" },
    { path: "gone", status: "deleted", mode: "100644" },
    { path: "new/file", status: "added", mode: "100644" },
    { path: "script", status: "modified", mode: "100755" },
  ]);
  expect(result.diffStat).toEqual({ files: 5, insertions: 3, deletions: 2 });
  const show = (format: string) => git(s.repository.jobsGit, "show", "-s", `--format=${format}`, result.oid);
  expect(await show("%P %T")).toBe(`${s.bench.baseOid} ${result.tree}`);
  expect(await show("%B")).toBe("Change it\n\nJob: 1\n");
  expect(await show("%an <%ae>")).toBe("Slipway <slipway@example.com>");
  await expect(git(s.repository.upstreamGit, "cat-file", "-e", result.oid)).rejects.toThrow();
});

test("commits, branches and stashes that the agent made itself do not count, the files do", async () => {
  const s = await setup({ a: "1" });
  await writeFiles(s.workspace, { a: "2", b: "new" });
  await git(s.workspace, "add", "-A");
  await git(s.workspace, "commit", "-qm", "agent");
  await git(s.workspace, "checkout", "-q", "-b", "elsewhere");
  await writeFiles(s.workspace, { staged: "s" });
  await git(s.workspace, "add", "staged");
  await rm(join(s.workspace, "b"));
  const result = await taken(s);
  expect(result.changes.map((change) => `${change.status} ${change.path}`)).toEqual(["modified a", "added staged"]);
});

test("odd names are files like any other", async () => {
  const s = await setup({ "old name": "1" });
  const long = Array.from({ length: 15 }, () => "p".repeat(200)).join("/");
  const names = [
    "with space",
    "-leading",
    "--all",
    "ünï/çødé 🚢",
    "new\nline",
    "tab\t",
    'quo"te',
    "back\\slash x",
    ":(top)x",
    "*",
    "$(touch x)",
    long,
    ".gitfoo",
    "x.git/y",
  ];
  await writeFiles(s.workspace, Object.fromEntries(names.map((name) => [name, `content of ${name.slice(0, 20)}`])));
  const result = await taken(s);
  expect(result.changes.map((change) => change.path).sort()).toEqual(names.sort());
});

test("a file becomes a folder, a folder a file, a link a file, and names change case only", async () => {
  const s = await setup({ file: "1", "folder/x": "1", link: { link: "file" }, Name: "n" });
  for (const name of ["file", "folder", "link"]) await rm(join(s.workspace, name), { recursive: true });
  await rename(join(s.workspace, "Name"), join(s.workspace, "name"));
  await writeFiles(s.workspace, { "file/inner": "2", folder: "2", link: "2" });
  const result = await taken(s);
  expect(result.changes.map((change) => `${change.status} ${change.path}`)).toEqual([
    "deleted Name",
    "deleted file",
    "added file/inner",
    "added folder",
    "deleted folder/x",
    "modified link",
    "added name",
  ]);
});

test("links are kept as links: dangling, absolute, outward, to folders; nothing behind them is read", async () => {
  const s = await setup({ a: "1", "dir/b": "2" });
  await writeFiles(s.bench.dir, { "outside/secret": "secret content" });
  const links = { dangling: "nowhere", absolute: "/etc/passwd", outward: "../../../outside/secret", folder: "dir", outside: join(s.bench.dir, "outside") };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(s.workspace, name));
  await rm(join(s.workspace, "dir"), { recursive: true });
  await symlink(join(s.bench.dir, "outside"), join(s.workspace, "dir"));
  const result = await taken(s);
  expect(result.changes.filter((change) => change.status !== "deleted").every((change) => change.mode === "120000")).toBe(true);
  expect(await git(s.repository.jobsGit, "cat-file", "-p", `${result.oid}:dir`)).toBe(join(s.bench.dir, "outside"));
});

test("ignored files stay out, also by rules that the agent adds; a FIFO is no file", async () => {
  const s = await setup({ ".gitignore": "build/\n*.log\n" });
  await writeFiles(s.workspace, { "build/x": "1", "a.log": "1", kept: "1", "sub/.gitignore": "secret\n", "sub/secret": "1" });
  makeFifo(join(s.workspace, "pipe"));
  const result = await taken(s);
  expect(result.changes.map((change) => change.path)).toEqual(["kept", "sub/.gitignore"]);
});

test("line ends stay as they are without rules, and follow .gitattributes where there are any", async () => {
  const s = await setup({ crlf: "a\r\n", ".gitattributes": "*.txt text eol=crlf\n", "x.txt": "a\n" });
  await writeFiles(s.workspace, { crlf: "a\r\nb\r\n", "x.txt": "a\r\nb\r\n", "new.bat": "@echo\r\n" });
  const result = await taken(s);
  const blob = (path: string) => execFileSync("git", ["cat-file", "-p", `${result.oid}:${path}`], { cwd: s.repository.jobsGit, encoding: "utf8" });
  expect([blob("crlf"), blob("x.txt"), blob("new.bat")]).toEqual(["a\r\nb\r\n", "a\nb\n", "@echo\r\n"]);
});

test("a same-size change right after the checkout is seen", async () => {
  for (let round = 0; round < 3; round += 1) {
    const s = await setup({ a: "1111", b: "2222" });
    await writeFile(join(s.workspace, "a"), "3333");
    expect((await taken(s)).changes.map((change) => change.path)).toEqual(["a"]);
  }
});

test("submodules are left as they are: absent, removed, filled, or present with a repository", async () => {
  const bench = await makeHub({ a: "1" });
  await git(bench.dir, "init", "-q", "-b", "main", "library");
  await commitFiles(join(bench.dir, "library"), { l: "1" });
  for (const name of ["absent", "removed", "filled", "present", "file name"])
    await git(bench.source, "submodule", "--quiet", "add", "../library", `vendor/${name}`);
  const base = await commitFiles(bench.source, {});
  await fetchUpstream(bench.root, bench.source, never);
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository, "workspace", base);
  const vendor = join(workspace, "vendor");
  await rm(join(vendor, "removed"), { recursive: true });
  await writeFiles(vendor, { "filled/x": "1" });
  await rm(join(vendor, "file name"), { recursive: true });
  await writeFiles(vendor, { "file name": "now a file" });
  await git(vendor, "clone", "-q", join(bench.dir, "library"), "present");
  await commitFiles(join(vendor, "present"), { l: "2" });
  await writeFiles(workspace, { a: "2", "vendor/own": "3" });
  const result = await taken({ bench, repository, workspace }, base);
  expect(result.changes.map((change) => change.path)).toEqual(["a", "vendor/own"]);
});

test("a base that is no branch's tip and has no parent works", async () => {
  const s = await setup({ a: "1" });
  const upstream = join(s.bench.root, "upstream.git");
  const lone = await git(upstream, "commit-tree", "-m", "lone", `${s.bench.baseOid}^{tree}`);
  const workspace = await makeWorkspace(s.bench, s.repository, "lone", lone);
  await writeFiles(workspace, { a: "2" });
  const result = await taken({ ...s, workspace }, lone);
  expect(await git(s.repository.jobsGit, "rev-parse", `${result.oid}^`)).toBe(lone);
});

test("a change of many files is taken as one pack", async () => {
  const s = await setup({ a: "1" });
  await writeFiles(s.workspace, Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`d${index % 20}/f${index}`, `${index}\n`])));
  const result = await taken(s);
  expect(result.diffStat).toEqual({ files: 2_000, insertions: 2_000, deletions: 0 });
  await git(s.repository.jobsGit, "fsck", "--strict");
});
