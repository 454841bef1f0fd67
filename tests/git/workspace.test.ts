import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fetchCommit, pushCommit } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { addWorkspace, removeWorkspace } from "@slipway/git/workspace";
import { expect, test } from "vitest";
import { accessOf, commitFiles, git, makeHub, makeWorkspace, never, openWorker, serveHub, takenOid, writeFiles } from "./fixture.ts";

async function worktreesOf(upstreamGit: string): Promise<string[]> {
  return readdir(join(upstreamGit, "worktrees")).catch(() => []);
}

test("a workspace has the base's files, is clean, and git works in it for the agent", async () => {
  const bench = await makeHub({ a: "1\n", "dir/with space/ü": "2\n", run: { run: "#!/bin/sh\n" }, link: { link: "nowhere" } });
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  expect(await git(workspace, "status", "--porcelain")).toBe("");
  expect(await git(workspace, "symbolic-ref", "HEAD")).toBe("refs/heads/slipway/work");
  expect(await git(workspace, "log", "--format=%H %s")).toBe(`${bench.baseOid} change`);
  expect((await lstat(join(workspace, "run"))).mode & 0o111).not.toBe(0);
  expect(await readlink(join(workspace, "link"))).toBe("nowhere");
  await writeFiles(workspace, { a: "changed\n" });
  expect(await git(workspace, "diff", "--stat")).toContain("a | 2 +-");
  execFileSync("git", ["-C", workspace, "commit", "-qam", "mine"], { env: { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" } });
  expect(await git(workspace, "log", "-1", "--format=%an <%ae>")).toBe("Slipway Agent <agent@slipway.invalid>");
  expect(await git(workspace, "diff", "HEAD^", "--name-only")).toBe("a");
});

test("the private git directory has no way into the worker's or the hub's stores", async () => {
  const bench = await makeHub({ a: "1" });
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  expect((await lstat(join(workspace, ".git"))).isDirectory()).toBe(true);
  expect(await readFile(join(workspace, ".git/objects/info/alternates"), "utf8")).toBe(`${join(bench.root, "upstream.git/objects")}\n`);
  const search = ["-r", "-l", "-e", repository.dir, "-e", "jobs.git", join(workspace, ".git")];
  // grep's 1: nothing of the kind anywhere in it.
  expect(spawnSync("grep", search, { encoding: "utf8" })).toMatchObject({ status: 1, stdout: "" });
});

test("on one machine objects are shared: neither the worker nor the workspace has any", async () => {
  const bench = await makeHub({ a: "1", big: Buffer.alloc(500_000, 7) });
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  for (const objects of [join(repository.upstreamGit, "objects"), join(repository.jobsGit, "objects"), join(workspace, ".git/objects")]) {
    const files = (await readdir(objects, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.map((file) => file.name)).toEqual(files.length ? ["alternates"] : []);
  }
});

test("eight workspaces at once", async () => {
  const bench = await makeHub(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`d${index % 10}/${index}`, `${index}`])));
  const repository = await openWorker(bench);
  const workspaces = await Promise.all(Array.from({ length: 8 }, (_, index) => makeWorkspace(bench, repository, `slot-${index}/workspace`)));
  for (const workspace of workspaces) expect(await git(workspace, "status", "--porcelain")).toBe("");
  expect(await worktreesOf(repository.upstreamGit)).toHaveLength(8);
  await Promise.all(workspaces.map((workspace) => removeWorkspace(repository, workspace)));
  expect(await worktreesOf(repository.upstreamGit)).toEqual([]);
});

test("ten thousand files", async () => {
  const bench = await makeHub(Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`d${index % 100}/f${index}`, `${index}\n`])));
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  expect(await git(workspace, "status", "--porcelain")).toBe("");
  await writeFiles(workspace, { "d7/f7": "changed" });
  const oid = await takenOid(bench, repository, workspace);
  expect(await git(repository.jobsGit, "diff", "--name-only", bench.baseOid, oid)).toBe("d7/f7");
  await removeWorkspace(repository, workspace);
  expect(existsSync(workspace)).toBe(false);
});

test("line ends come as they are, and as .gitattributes asks", async () => {
  const bench = await makeHub({ crlf: "a\r\nb\r\n", lf: "a\nb\n" });
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  expect(await readFile(join(workspace, "crlf"), "utf8")).toBe("a\r\nb\r\n");
  const withRules = await commitFiles(bench.source, { ".gitattributes": "*.txt text eol=crlf\n", "x.txt": "a\nb\n" });
  await fetchUpstream(bench.root, bench.source, never);
  const second = await makeWorkspace(bench, repository, "second", withRules);
  expect(await readFile(join(second, "x.txt"), "utf8")).toBe("a\r\nb\r\n");
  expect(await git(second, "status", "--porcelain")).toBe("");
});

test("LFS pointers stay pointers, submodule folders stay empty", async () => {
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1\n";
  const bench = await makeHub({ ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "x.bin": pointer });
  await git(bench.dir, "init", "-q", "-b", "main", "library");
  await commitFiles(join(bench.dir, "library"), { l: "1" });
  await git(bench.source, "submodule", "--quiet", "add", "../library", "vendor/library");
  const base = await commitFiles(bench.source, {});
  await fetchUpstream(bench.root, bench.source, never);
  const workspace = await makeWorkspace(bench, await openWorker(bench), "workspace", base);
  expect(await readFile(join(workspace, "x.bin"), "utf8")).toBe(pointer);
  expect(await readdir(join(workspace, "vendor/library"))).toEqual([]);
  expect(await git(workspace, "status", "--porcelain")).toBe("");
});

test("what a base commit brings along runs nothing at checkout", async () => {
  const bench = await makeHub({ a: "1" });
  const marker = join(bench.dir, "marker");
  const base = await commitFiles(bench.source, {
    ".gitattributes": "* filter=evil diff=evil merge=evil ident export-subst\n",
    ".gitconfig": `[filter "evil"]\n\tsmudge = touch ${marker}\n`,
    ".gitmodules": `[submodule "x"]\n\tpath = x\n\turl = ../x\n\tupdate = none\n`,
    "hooks/post-checkout": { run: `#!/bin/sh\ntouch ${marker}\n` },
    "a.txt": "$Id$ $Format:%H$\n",
  });
  await fetchUpstream(bench.root, bench.source, never);
  const workspace = await makeWorkspace(bench, await openWorker(bench), "workspace", base);
  expect(await git(workspace, "status", "--porcelain")).toBe("");
  expect(existsSync(marker)).toBe(false);
});

test("a workspace to verify has the job's objects and no other job's", async () => {
  const bench = await makeHub({ a: "1" });
  const served = await serveHub(bench);
  const worker = await openWorker(bench);
  const oids: string[] = [];
  for (const name of ["mine", "other"]) {
    const workspace = await makeWorkspace(bench, worker, name);
    await writeFiles(workspace, { secret: `content of ${name}` });
    const oid = await takenOid(bench, worker, workspace);
    await pushCommit(worker, accessOf(bench, served), oid, undefined, never);
    oids.push(oid);
  }
  const [mine = "", other = ""] = oids;
  for (const remote of [false, true]) {
    const hub = accessOf(bench, served, { remote });
    const repository = await openWorker(bench, hub, `verifier-${remote}`);
    await fetchCommit(repository, hub, mine, "jobs", never);
    const workspace = join(bench.dir, `verify-${remote}`);
    await mkdir(workspace);
    await addWorkspace(repository, { workspace, baseOid: mine, withJobObjects: true, branchName: "slipway/work" });
    expect(await readFile(join(workspace, "secret"), "utf8")).toBe("content of mine");
    expect(await git(workspace, "status", "--porcelain")).toBe("");
    expect(await git(workspace, "log", "--format=%H")).toBe(`${mine}\n${bench.baseOid}`);
    await git(workspace, "fsck", "--connectivity-only");
    await expect(git(workspace, "cat-file", "-e", other)).rejects.toThrow();
    await expect(git(repository.upstreamGit, "cat-file", "-e", mine)).rejects.toThrow();
  }
});

test("a workspace that was half made before is made again in the same place", async () => {
  const bench = await makeHub({ a: "1" });
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  await rm(workspace, { recursive: true });
  await makeWorkspace(bench, repository);
  expect(await git(workspace, "status", "--porcelain")).toBe("");
  expect(await worktreesOf(repository.upstreamGit)).toHaveLength(1);
});

test("a workspace that cannot be made says so", async () => {
  const bench = await makeHub({ a: "1" });
  const repository = await openWorker(bench);
  const options = { workspace: join(bench.dir, "w"), withJobObjects: false, branchName: "slipway/work" };
  await expect(addWorkspace(repository, { ...options, baseOid: "1".repeat(40) })).rejects.toMatchObject({ code: "WORKSPACE_FAILED" });
  await writeFiles(bench.dir, { "w/full": "1" });
  await expect(addWorkspace(repository, { ...options, baseOid: bench.baseOid })).rejects.toMatchObject({ code: "WORKSPACE_FAILED" });
});

test("removal takes everything in the workspace, nothing behind its links, and minds no permissions", async () => {
  const bench = await makeHub({ a: "1" });
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  await writeFiles(bench.dir, { "outside/kept": "1" });
  await writeFiles(workspace, { "closed/deep/x": "1", "readonly/y": "1" });
  await symlink(join(bench.dir, "outside"), join(workspace, "closed/link"));
  await symlink("..", join(workspace, "loop"));
  chmodSync(join(workspace, "closed/deep"), 0);
  chmodSync(join(workspace, "closed"), 0);
  chmodSync(join(workspace, "readonly"), 0o500);
  await removeWorkspace(repository, workspace);
  await removeWorkspace(repository, workspace);
  expect(existsSync(workspace)).toBe(false);
  expect(existsSync(join(bench.dir, "outside/kept"))).toBe(true);
  expect(await worktreesOf(repository.upstreamGit)).toEqual([]);
});

test("removal runs nothing that the agent left", async () => {
  const bench = await makeHub({ a: "1" });
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  const marker = join(bench.dir, "marker");
  await writeFile(join(workspace, ".git/config"), `[core]\n\tfsmonitor = touch ${marker}\n\tpager = touch ${marker}\n`);
  await removeWorkspace(repository, workspace);
  expect(existsSync(marker)).toBe(false);
});

test("paths deeper than one call takes are removed too", async () => {
  const bench = await makeHub({ a: "1" });
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository);
  const name = "d".repeat(200);
  execFileSync("sh", ["-c", `i=0; while [ $i -lt 40 ]; do mkdir ${name} && cd -P ${name} && i=$((i+1)); done; echo x > x`], { cwd: workspace });
  await removeWorkspace(repository, workspace);
  expect(existsSync(workspace)).toBe(false);
});
