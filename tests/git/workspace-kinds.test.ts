import { chmod, lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mountsBelow } from "@slipway/git/bases/mounts";
import { pushCommit } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { describe, expect, test } from "vitest";
import { treeSnapshot } from "../support/tree-snapshot.ts";
import {
  accessOf,
  type Bench,
  commitFiles,
  commitWorkspace,
  type FileSpec,
  git,
  makeHub,
  makeWorkspace,
  never,
  openWorker,
  serveHub,
  takenOid,
  writeFiles,
} from "./fixture.ts";
import { KINDS_HERE, openShelf, type Shelf } from "./shelf.ts";

/** All that a checkout can be asked to make. */
const FILES: Record<string, FileSpec> = {
  a: "1\n",
  empty: "",
  crlf: "a\r\nb\r\n",
  "as-asked.txt": "a\nb\n",
  ".gitattributes": "*.txt text eol=crlf\n*.bin filter=lfs diff=lfs merge=lfs -text\n",
  ".gitignore": "ignored\n",
  "x.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1\n",
  "dir/with space/ü/日本": "2\n",
  "line\nbreak": "3",
  run: { run: "#!/bin/sh\n" },
  "bin/deep/run": { run: "#!/bin/sh\nexit 0\n" },
  link: { link: "nowhere" },
  "to-folder": { link: "dir" },
  "folder/one": "1",
  "folder/two": "2",
  "folder/below/three": "3",
  big: Buffer.alloc(300_000, 7),
};

async function makeBench(): Promise<Bench> {
  const bench = await makeHub(FILES);
  await git(bench.dir, "init", "-q", "-b", "main", "library");
  await commitFiles(join(bench.dir, "library"), { l: "1" });
  await git(bench.source, "submodule", "--quiet", "add", "../library", "vendor/library");
  const baseOid = await commitFiles(bench.source, {});
  await fetchUpstream(bench.root, bench.source, never);
  return { ...bench, baseOid };
}

/** What an agent can do to files, all of it in the second of the checkout. */
async function work(workspace: string): Promise<void> {
  const at = (name: string): string => join(workspace, name);
  await writeFile(at("a"), "2\n");
  await rm(at("empty"));
  await rename(at("crlf"), at("renamed"));
  await rename(at("folder"), at("moved"));
  await chmod(at("run"), 0o644);
  await chmod(at("as-asked.txt"), 0o755);
  await rm(at("link"));
  await writeFile(at("link"), "a file now");
  await rm(at("big"));
  await symlink("a", at("big"));
  await rm(at("dir"), { recursive: true });
  await writeFile(at("dir"), "a file now");
  await rm(at("line\nbreak"));
  await writeFiles(workspace, { "line\nbreak/deep/x": "a folder now", "bin/new": "new", "new/deep/er": "new", ignored: "not committed" });
  await rm(at("bin/deep"), { recursive: true });
  await mkdir(at("bin/deep"));
  await writeFiles(workspace, { "bin/deep/other": "made again" });
}

async function commitOf(bench: Bench, shelf: Shelf, workspace: string): Promise<{ tree: string; changes: unknown }> {
  const taken = await commitWorkspace(bench, shelf.repository, workspace);
  if (taken.empty) throw new Error("nothing changed");
  return { tree: taken.tree, changes: taken.changes };
}

describe.each(KINDS_HERE)("%s", (kind) => {
  test("a workspace is what a worktree is, and git works in it for the agent", async () => {
    const bench = await makeBench();
    const shelf = await openShelf(bench, kind);
    const plain = await makeWorkspace(bench, await openWorker(bench), "plain", bench.baseOid);
    for (const name of ["one", "two"]) {
      const { workspace } = await shelf.add(name, bench.baseOid);
      expect(await treeSnapshot(workspace)).toEqual(await treeSnapshot(plain));
      expect((await lstat(workspace)).mode & 0o777).toBe(0o700);
      expect(await git(workspace, "status", "--porcelain", "--ignored")).toBe("");
      expect(await git(workspace, "symbolic-ref", "HEAD")).toBe("refs/heads/slipway/work");
      expect(await git(workspace, "log", "-1", "--format=%H")).toBe(bench.baseOid);
      await writeFile(join(workspace, "a"), "2\n");
      expect(await git(workspace, "diff", "--stat")).toContain("a | 2 +-");
      await git(workspace, "commit", "-qam", "mine");
      expect(await git(workspace, "diff", "HEAD^", "--name-only")).toBe("a");
      await git(workspace, "reset", "-q", "--hard", "HEAD^");
      await git(workspace, "mv", "folder", "moved");
      await rm(join(workspace, "dir"), { recursive: true });
      await git(workspace, "stash", "-q");
      expect(await treeSnapshot(workspace)).toEqual(await treeSnapshot(plain));
      await git(workspace, "fsck", "--connectivity-only");
    }
    expect(shelf.troubles).toEqual([]);
  });

  test("what an agent changes is committed as from a worktree, and no other workspace sees it", async () => {
    const bench = await makeBench();
    const shelf = await openShelf(bench, kind);
    const worker = await openWorker(bench);
    const plain = await makeWorkspace(bench, worker, "plain", bench.baseOid);
    const before = await treeSnapshot(plain);
    const { workspace } = await shelf.add("one", bench.baseOid);
    const { workspace: other } = await shelf.add("other", bench.baseOid);
    for (const each of [plain, workspace]) await work(each);
    expect(await treeSnapshot(workspace)).toEqual(await treeSnapshot(plain));
    expect(await git(workspace, "status", "--porcelain", "-uall")).toBe(await git(plain, "status", "--porcelain", "-uall"));
    const expected = await commitWorkspace(bench, worker, plain);
    if (expected.empty) throw new Error("nothing changed");
    expect(await commitOf(bench, shelf, workspace)).toEqual({ tree: expected.tree, changes: expected.changes });
    expect(await treeSnapshot(other)).toEqual(before);
    expect(await treeSnapshot((await shelf.add("later", bench.baseOid)).workspace)).toEqual(before);
    expect((await commitWorkspace(bench, shelf.repository, other)).empty).toBe(true);
  });

  test("eight at once are made from one base, and of the removed ones nothing is left", async () => {
    const bench = await makeBench();
    const shelf = await openShelf(bench, kind);
    const mounts = await mountsBelow(join(shelf.data, "worker"));
    const names = Array.from({ length: 8 }, (_, index) => `slot-${index}`);
    const added = await Promise.all(names.map((name) => shelf.add(name, bench.baseOid)));
    expect(shelf.bases.list()).toHaveLength(kind === "worktree" ? 0 : 1);
    for (const { workspace } of added) {
      expect(await git(workspace, "status", "--porcelain")).toBe("");
      await work(workspace);
      await chmod(join(workspace, "moved/below"), 0);
    }
    await Promise.all(names.map((name) => shelf.remove(name)));
    expect(await mountsBelow(join(shelf.data, "worker"))).toEqual(mounts);
    expect(await readdir(join(shelf.data, "worker/places"))).toEqual([]);
    expect(await readdir(join(shelf.repository.upstreamGit, "worktrees"))).toEqual([]);
    expect(shelf.bases.list().map(({ users }) => users)).toEqual(kind === "worktree" ? [] : [0]);
    expect((await shelf.add("again", bench.baseOid)).base).toBe(kind === "worktree" ? undefined : "kept");
  });

  test("a workspace to verify has the job's objects and no other job's", async () => {
    const bench = await makeBench();
    const served = await serveHub(bench);
    const shelf = await openShelf(bench, kind);
    const [mine = "", other = ""] = await Promise.all(
      ["mine", "other"].map(async (name) => {
        const { workspace } = await shelf.add(name, bench.baseOid);
        await writeFiles(workspace, { secret: `content of ${name}` });
        const oid = await takenOid(bench, shelf.repository, workspace);
        await pushCommit(shelf.repository, accessOf(bench, served), oid, undefined, never);
        return oid;
      }),
    );
    const { workspace } = await shelf.add("verify", mine, { withJobObjects: true });
    expect(await readFile(join(workspace, "secret"), "utf8")).toBe("content of mine");
    expect(await git(workspace, "status", "--porcelain")).toBe("");
    await git(workspace, "fsck", "--connectivity-only");
    await expect(git(workspace, "cat-file", "-e", other)).rejects.toThrow();
  });

  test("a commit that is not there is told, and nothing is left behind", async () => {
    const bench = await makeBench();
    const shelf = await openShelf(bench, kind);
    const mounts = await mountsBelow(join(shelf.data, "worker"));
    await expect(shelf.add("one", "1".repeat(40))).rejects.toMatchObject({ code: "WORKSPACE_FAILED" });
    expect(await mountsBelow(join(shelf.data, "worker"))).toEqual(mounts);
    expect(await readdir(join(shelf.repository.upstreamGit, "worktrees"))).toEqual([]);
    expect(shelf.bases.list()).toEqual([]);
    expect((await shelf.add("two", bench.baseOid)).workspace).toContain("two");
  });
});
