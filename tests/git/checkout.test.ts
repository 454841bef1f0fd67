import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { commitDirty, describeCheckout, fetchResult, pushBase } from "@slipway/git/checkout";
import { fastForwardBranch, resolveCommit } from "@slipway/git/hub";
import { expect, test } from "vitest";
import { type Bench, commitFiles, git, makeHub, makeRepository, scratch, serveHub, writeFiles } from "./fixture.ts";

/** Everything of a checkout that a person could see changed. */
async function snapshot(root: string): Promise<string> {
  const parts = await Promise.all([
    readFile(join(root, ".git/index")).then((bytes) => bytes.toString("hex")),
    git(root, "for-each-ref"),
    readFile(join(root, ".git/HEAD"), "utf8"),
    git(root, "--no-optional-locks", "status", "--porcelain=v2", "-z"),
    git(root, "reflog", "--all"),
  ]);
  return parts.join("\n");
}

const HOOKS = [
  "pre-commit",
  "commit-msg",
  "post-commit",
  "pre-push",
  "post-merge",
  "post-checkout",
  "reference-transaction",
  "post-index-change",
  "pre-auto-gc",
];

async function plantHooks(root: string, marker: string): Promise<void> {
  await writeFiles(join(root, ".git/hooks"), Object.fromEntries(HOOKS.map((name) => [name, { run: `#!/bin/sh\ntouch '${marker}'\n` }])));
}

/** A hub, served, with a person's clone in a folder with a space, and a result two commits ahead. */
async function setup(): Promise<{
  bench: Bench;
  root: string;
  marker: string;
  result: string;
  from: (intoBranch: string, oid?: string) => Parameters<typeof fetchResult>[1];
}> {
  const bench = await makeHub({ a: "1\n", b: "1\n" });
  const served = await serveHub(bench);
  served.grants.set("person", { services: ["git-upload-pack", "git-receive-pack"], pushRef: /refs\/slipway\/bases\/[0-9a-f]{40}/ });
  const root = join(bench.dir, "my checkout");
  await git(bench.dir, "clone", "-q", bench.source, "my checkout");
  const other = join(bench.dir, "other");
  await git(bench.dir, "clone", "-q", bench.source, "other");
  const result = await commitFiles(other, { a: "landed\n", new: "landed\n" });
  const target = { url: `${served.url}/upstream.git`, credential: "person" };
  await pushBase(other, { ...target, oid: result, ref: `refs/slipway/bases/${result}` });
  await fastForwardBranch(bench.root, "slipway/x", result);
  const marker = join(bench.dir, "marker");
  await plantHooks(root, marker);
  return { bench, root, marker, result, from: (intoBranch, oid = result) => ({ ...target, branch: "slipway/x", intoBranch, expectedOid: oid }) };
}

test("a checkout is described from any folder in it, and nothing is written", async () => {
  const dir = await scratch();
  const root = join(dir, "my project");
  const oid = await makeRepository(root, { a: "1", "sub dir/b": "1", gone: "1", "old name": "long enough content to be found again\n" });
  await writeFiles(root, { a: "2", "un tracked/ü\nx": "1", "sub dir/b": "1" });
  await rm(join(root, "gone"));
  await git(root, "mv", "old name", "new name");
  const before = await snapshot(root);
  const seen = await describeCheckout(join(root, "sub dir"));
  expect({ ...seen, dirty: [...seen.dirty].sort() }).toEqual({
    root,
    head: { oid, branch: "main" },
    dirty: ["a", "gone", "new name", "old name", "un tracked/ü\nx"],
    hasSubmodules: false,
    shallow: false,
  });
  expect(await snapshot(root)).toBe(before);
});

test("detached, shallow and with submodules", async () => {
  const dir = await scratch();
  await makeRepository(join(dir, "deep"), { a: "1" });
  const oid = await commitFiles(join(dir, "deep"), { a: "2", ".gitmodules": "" });
  await git(dir, "clone", "-q", "--depth=1", `file://${dir}/deep`, "shallow");
  await git(join(dir, "shallow"), "checkout", "-q", "--detach");
  expect(await describeCheckout(join(dir, "shallow"))).toMatchObject({ head: { oid, branch: null }, shallow: true, hasSubmodules: true, dirty: [] });
});

test("no repository, a bare one, an empty one: each says so", async () => {
  const dir = await scratch();
  await expect(describeCheckout(dir)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  await git(dir, "init", "-q", "--bare", "bare.git");
  await expect(describeCheckout(join(dir, "bare.git"))).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  await git(dir, "init", "-q", "empty");
  await expect(describeCheckout(join(dir, "empty"))).rejects.toMatchObject({ code: "REPOSITORY_EMPTY" });
  await expect(commitDirty(join(dir, "empty"))).rejects.toMatchObject({ code: "REPOSITORY_EMPTY" });
});

test("uncommitted changes become a commit, and the checkout is as it was", async () => {
  const dir = await scratch();
  const root = join(dir, "my project");
  const head = await makeRepository(root, { a: "1\n", gone: "1\n", staged: "1\n", ".gitignore": "*.log\n" });
  await writeFiles(root, { a: "stashed\n" });
  await git(root, "stash", "-q");
  await writeFiles(root, { a: "2\n", staged: "index\n", "new file ü": "n\n", "x.log": "ignored", script: { run: "#!/bin/sh\n" } });
  await git(root, "add", "staged");
  await writeFiles(root, { staged: "worktree\n" });
  await rm(join(root, "gone"));
  await symlink("a", join(root, "link"));
  await makeRepository(join(root, "nested"), { inner: "1" });
  const marker = join(dir, "marker");
  await plantHooks(root, marker);
  const before = await snapshot(root);
  const oid = await commitDirty(root);
  expect(await snapshot(root)).toBe(before);
  expect(existsSync(marker)).toBe(false);
  expect(await git(root, "rev-parse", `${oid}^`)).toBe(head);
  expect((await git(root, "diff", "--name-status", "-z", head, oid)).split("\0").filter(Boolean)).toEqual([
    "M",
    "a",
    "D",
    "gone",
    "A",
    "link",
    "A",
    "new file ü",
    "A",
    "script",
    "M",
    "staged",
  ]);
  expect(await git(root, "cat-file", "-p", `${oid}:staged`)).toBe("worktree");
  expect(await git(root, "stash", "list")).toContain("stash@{0}");
});

test("nothing uncommitted: HEAD itself", async () => {
  const root = join(await scratch(), "p");
  const head = await makeRepository(root, { a: "1" });
  expect(await commitDirty(root)).toBe(head);
});

test("a pushed base is found on the hub, from a linked worktree too", async () => {
  const { bench, root, marker, from } = await setup();
  await git(root, "worktree", "add", "-q", "-b", "side", "../linked worktree");
  const linked = join(bench.dir, "linked worktree");
  await writeFiles(linked, { a: "dirty\n" });
  expect(await describeCheckout(linked)).toMatchObject({ root: linked, head: { branch: "side" }, dirty: ["a"] });
  const oid = await commitDirty(linked);
  const { url, credential } = from("x");
  await pushBase(linked, { url, credential, oid, ref: `refs/slipway/bases/${oid}` });
  expect(await resolveCommit(bench.root, oid)).toBe(oid);
  expect(await git(linked, "status", "--porcelain")).toBe("M a".padStart(4));
  expect(existsSync(marker)).toBe(false);
});

test("a result becomes a new branch, and nothing else changes", async () => {
  const { root, marker, result, from } = await setup();
  await writeFiles(root, { a: "my own change\n" });
  const head = await git(root, "rev-parse", "HEAD");
  expect(await fetchResult(root, from("slipway/x"))).toEqual({ updated: "created" });
  expect(await fetchResult(root, from("slipway/x"))).toMatchObject({ updated: "left" });
  expect(await git(root, "rev-parse", "slipway/x", "HEAD")).toBe(`${result}\n${head}`);
  expect(await readFile(join(root, "a"), "utf8")).toBe("my own change\n");
  expect(existsSync(join(root, ".git/FETCH_HEAD"))).toBe(false);
  expect(existsSync(marker)).toBe(false);
});

test("a branch that is not checked out moves forward only", async () => {
  const { root, result, from } = await setup();
  await git(root, "branch", "behind");
  expect(await fetchResult(root, from("behind"))).toEqual({ updated: "fast-forwarded" });
  expect(await git(root, "rev-parse", "behind")).toBe(result);
  await git(root, "checkout", "-q", "-b", "own");
  const own = await commitFiles(root, { c: "1" });
  await git(root, "checkout", "-q", "main");
  expect(await fetchResult(root, from("own"))).toMatchObject({ updated: "left", reason: expect.stringContaining("own has commits") });
  expect(await git(root, "rev-parse", "own")).toBe(own);
});

test("a branch that is checked out moves with its tree where that is clean, else is left", async () => {
  const { root, marker, result, from } = await setup();
  const head = await git(root, "rev-parse", "HEAD");
  await writeFiles(root, { b: "mine\n" });
  expect(await fetchResult(root, from("main"))).toMatchObject({ updated: "left", reason: expect.stringContaining("uncommitted") });
  await git(root, "add", "b");
  expect(await fetchResult(root, from("main"))).toMatchObject({ updated: "left" });
  await git(root, "checkout", "-q", "-f", "HEAD", "--", "b");
  await writeFiles(root, { new: "untracked, and in the way\n" });
  expect(await fetchResult(root, from("main"))).toMatchObject({ updated: "left" });
  expect(await readFile(join(root, "new"), "utf8")).toBe("untracked, and in the way\n");
  expect(await git(root, "rev-parse", "HEAD")).toBe(head);
  await rm(join(root, "new"));
  await writeFiles(root, { unrelated: "untracked\n" });
  expect(await fetchResult(root, from("main"))).toEqual({ updated: "fast-forwarded" });
  expect(await git(root, "rev-parse", "HEAD")).toBe(result);
  expect(await git(root, "status", "--porcelain")).toBe("?? unrelated");
  expect(await readFile(join(root, "a"), "utf8")).toBe("landed\n");
  expect(existsSync(marker)).toBe(false);
});

test("a branch that another worktree has, or a rebase holds, is not pulled from under it", async () => {
  const { bench, root, result, from } = await setup();
  await git(root, "worktree", "add", "-q", "-b", "side", "../linked worktree");
  const linked = join(bench.dir, "linked worktree");
  await writeFiles(linked, { b: "mine\n" });
  expect(await fetchResult(root, from("side"))).toMatchObject({ updated: "left", reason: expect.stringContaining("linked worktree") });
  await git(linked, "checkout", "-q", "b");
  expect(await fetchResult(root, from("side"))).toEqual({ updated: "fast-forwarded" });
  expect(await git(linked, "status", "--porcelain")).toBe("");
  expect(await git(linked, "rev-parse", "HEAD")).toBe(result);

  await git(root, "checkout", "-q", "-b", "rebasing");
  await git(root, "-c", "sequence.editor=sed -i 1ibreak", "rebase", "-q", "-i", "--root").catch(() => undefined);
  expect(existsSync(join(root, ".git/rebase-merge"))).toBe(true);
  expect(await fetchResult(root, from("rebasing"))).toMatchObject({ updated: "left", reason: expect.stringContaining("rebase") });
});

test("a hub that is gone, a bad branch name, a result that is not there", async () => {
  const { root, from } = await setup();
  await expect(fetchResult(root, from("-x"))).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  await expect(fetchResult(root, from("x", "1".repeat(40)))).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  await expect(fetchResult(root, { ...from("x", "1".repeat(40)), url: "http://127.0.0.1:9/x.git" })).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
});

test("a checkout that cannot be read is an error, not an empty one", async () => {
  const dir = await scratch();
  await mkdir(join(dir, "p"));
  await makeRepository(join(dir, "p"), { a: "1" });
  await rm(join(dir, "p/.git/objects"), { recursive: true });
  await mkdir(join(dir, "p/.git/objects"));
  await chmod(join(dir, "p/.git/objects"), 0o700);
  await expect(describeCheckout(join(dir, "p"))).rejects.toMatchObject({ name: "SlipwayError" });
});
