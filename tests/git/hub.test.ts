import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createHubRepository,
  deleteRef,
  diffPatch,
  fastForwardBranch,
  hasCommit,
  isAncestor,
  land,
  readBranch,
  readFileAt,
  resolveCommit,
  treeOf,
} from "@slipway/git/hub";
import { pushCommit } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { expect, test } from "vitest";
import { accessOf, commitFiles, git, makeHub, makeRepository, makeWorkspace, never, openWorker, scratch, serveHub, takenOid, writeFiles } from "./fixture.ts";

const missing = "1".repeat(40);

test("making a hub repository again changes nothing, and completes a half-made one", async () => {
  const bench = await makeHub({ a: "1" });
  await rm(join(bench.root, "jobs.git/HEAD"));
  await createHubRepository(bench.root, bench.installationId);
  expect(await hasCommit(bench.root, bench.baseOid)).toBe(true);
  expect(await resolveCommit(bench.root, "main")).toBe(bench.baseOid);
});

test("a fetch writes refs/upstream only, and prunes there only", async () => {
  const bench = await makeHub({ a: "1" });
  await git(bench.source, "branch", "side");
  expect(await fetchUpstream(bench.root, bench.source, never)).toEqual([
    { branch: "main", oid: bench.baseOid },
    { branch: "side", oid: bench.baseOid },
  ]);
  await fastForwardBranch(bench.root, "side", bench.baseOid);
  await fastForwardBranch(bench.root, "ours", bench.baseOid);
  await git(bench.source, "branch", "-D", "side");
  const next = await commitFiles(bench.source, { a: "2" });
  expect(await fetchUpstream(bench.root, bench.source, never)).toEqual([{ branch: "main", oid: next }]);
  expect(await readBranch(bench.root, "side")).toBe(bench.baseOid);
  expect(await readBranch(bench.root, "ours")).toBe(bench.baseOid);
  expect(await readBranch(bench.root, "main")).toBeNull();
});

test("an upstream that was rewritten is followed", async () => {
  const bench = await makeHub({ a: "1" });
  await git(bench.source, "commit", "-q", "--amend", "-m", "rewritten");
  const oid = await git(bench.source, "rev-parse", "HEAD");
  expect(await fetchUpstream(bench.root, bench.source, never)).toEqual([{ branch: "main", oid }]);
});

test("empty and unreachable upstreams say so, without the password", async () => {
  const dir = await scratch();
  await createHubRepository(join(dir, "hub"), "i");
  await git(dir, "init", "-q", "empty");
  await expect(fetchUpstream(join(dir, "hub"), join(dir, "empty"), never)).rejects.toMatchObject({ code: "REPOSITORY_EMPTY" });
  await expect(fetchUpstream(join(dir, "hub"), join(dir, "none"), never)).rejects.toMatchObject({ code: "UPSTREAM_NOT_FOUND" });
  const error = await fetchUpstream(join(dir, "hub"), "http://user:hunter2@127.0.0.1:9/x", never).catch((caught) => caught);
  expect(error.code).toBe("REPOSITORY_UNREACHABLE");
  expect(`${error.message}${JSON.stringify(error.details)}`).not.toContain("hunter2");
});

test("an address cannot be a command or an option", async () => {
  const dir = await scratch();
  await createHubRepository(join(dir, "hub"), "i");
  for (const url of [`ext::sh -c "touch ${dir}/marker"`, `--upload-pack=touch ${dir}/marker`]) {
    await expect(fetchUpstream(join(dir, "hub"), url, never)).rejects.toMatchObject({ code: "REPOSITORY_UNREACHABLE" });
  }
  expect(existsSync(join(dir, "marker"))).toBe(false);
});

test("an abort ends a fetch with its own reason", async () => {
  const bench = await makeHub({ a: "1" });
  const reason = new Error("enough");
  await expect(fetchUpstream(bench.root, bench.source, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test("a shallow upstream can be fetched, read, worked on and landed", async () => {
  const dir = await scratch();
  await makeRepository(join(dir, "deep"), { a: "1" });
  await commitFiles(join(dir, "deep"), { a: "2" });
  const tip = await commitFiles(join(dir, "deep"), { a: "3" });
  await git(dir, "clone", "-q", "--depth=1", `file://${dir}/deep`, "shallow");
  const bench = { dir, root: join(dir, "hub"), source: join(dir, "shallow"), baseOid: tip, installationId: "i" };
  await createHubRepository(bench.root, "i");
  expect(await fetchUpstream(bench.root, bench.source, never)).toEqual([{ branch: "main", oid: tip }]);
  const served = await serveHub(bench);
  for (const remote of [false, true]) {
    const hub = accessOf(bench, served, { remote });
    const repository = await openWorker(bench, hub, `worker-${remote}`);
    const workspace = await makeWorkspace(bench, repository, `workspace-${remote}`);
    expect(await git(workspace, "log", "--format=%H")).toBe(tip);
    await writeFiles(workspace, { a: `4 ${remote}` });
    const oid = await takenOid(bench, repository, workspace);
    await pushCommit(repository, hub, oid, undefined, never);
    expect(await isAncestor(bench.root, tip, oid)).toBe(true);
    expect(await land(bench.root, { branch: `b-${remote}`, oldOid: null, newOid: oid, jobRef: hub.pushRef })).toBe("landed");
  }
});

test("a name means our branch first, then the upstream's, then a commit", async () => {
  const bench = await makeHub({ a: "1" });
  const second = await commitFiles(bench.source, { a: "2" });
  await fetchUpstream(bench.root, bench.source, never);
  expect(await resolveCommit(bench.root, "main")).toBe(second);
  await fastForwardBranch(bench.root, "main", bench.baseOid);
  expect(await resolveCommit(bench.root, "main")).toBe(bench.baseOid);
  expect(await resolveCommit(bench.root, second)).toBe(second);
  expect(await resolveCommit(bench.root, second.slice(0, 8))).toBe(second);
  for (const name of ["nope", missing, "", "a b", "main:a", "a\nmain", "main..main", "--all", "@{-1}"]) {
    await expect(resolveCommit(bench.root, name)).rejects.toMatchObject({ code: "BASE_NOT_FOUND" });
  }
});

test("files are read at a commit, whatever their names", async () => {
  const bytes = Buffer.from([0, 1, 255, 10, 13]);
  const bench = await makeHub({ "dir/a b\nü": bytes, big: Buffer.alloc(1024 * 1024 + 300), ".slipway.yaml": "version: 1\n" });
  expect(await readFileAt(bench.root, bench.baseOid, "dir/a b\nü")).toEqual(bytes);
  expect(String(await readFileAt(bench.root, bench.baseOid, ".slipway.yaml"))).toBe("version: 1\n");
  expect(await readFileAt(bench.root, bench.baseOid, "dir")).toBeNull();
  expect(await readFileAt(bench.root, bench.baseOid, "none")).toBeNull();
  expect(await readFileAt(bench.root, missing, "dir")).toBeNull();
  await expect(readFileAt(bench.root, bench.baseOid, "big")).rejects.toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
});

test("trees, ancestry and patches", async () => {
  const bench = await makeHub({ a: "1\n", link: { link: "a" } });
  const second = await commitFiles(bench.source, { a: "2\n" });
  await fetchUpstream(bench.root, bench.source, never);
  expect(await treeOf(bench.root, second)).toBe(await git(bench.source, "rev-parse", "HEAD^{tree}"));
  expect(await isAncestor(bench.root, bench.baseOid, second)).toBe(true);
  expect(await isAncestor(bench.root, second, bench.baseOid)).toBe(false);
  expect(await diffPatch(bench.root, bench.baseOid, second)).toContain("-1\n+2\n");
  await expect(treeOf(bench.root, missing)).rejects.toMatchObject({ code: "BASE_NOT_FOUND" });
  await expect(diffPatch(bench.root, missing, second)).rejects.toMatchObject({ code: "BASE_NOT_FOUND" });
  await expect(isAncestor(bench.root, missing, second)).rejects.toMatchObject({ code: "BASE_NOT_FOUND" });
});

test("a patch applies, binary files too", async () => {
  const bench = await makeHub({ a: "1\n", bin: Buffer.from([0, 1, 2]) });
  const second = await commitFiles(bench.source, { a: "2\n", bin: Buffer.from([0, 9, 9]), "new file": { run: "#!/bin/sh\n" } });
  await fetchUpstream(bench.root, bench.source, never);
  await git(bench.source, "checkout", "-q", bench.baseOid);
  await writeFile(join(bench.dir, "patch"), await diffPatch(bench.root, bench.baseOid, second));
  await git(bench.source, "apply", "--index", join(bench.dir, "patch"));
  expect(await git(bench.source, "write-tree")).toBe(await git(bench.source, "rev-parse", `${second}^{tree}`));
});

test("a branch moves forward, never back or aside", async () => {
  const bench = await makeHub({ a: "1" });
  const second = await commitFiles(bench.source, { a: "2" });
  await git(bench.source, "checkout", "-q", "-b", "side", bench.baseOid);
  const side = await commitFiles(bench.source, { a: "side" });
  await fetchUpstream(bench.root, bench.source, never);
  await fastForwardBranch(bench.root, "main", bench.baseOid);
  await fastForwardBranch(bench.root, "main", second);
  await fastForwardBranch(bench.root, "main", second);
  for (const oid of [bench.baseOid, side]) await expect(fastForwardBranch(bench.root, "main", oid)).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await readBranch(bench.root, "main")).toBe(second);
  await expect(fastForwardBranch(bench.root, "main", missing)).rejects.toMatchObject({ code: "BASE_NOT_FOUND" });
});

test("only our own refs can be deleted", async () => {
  const bench = await makeHub({ a: "1" });
  await git(join(bench.root, "upstream.git"), "update-ref", `refs/slipway/bases/${bench.baseOid}`, bench.baseOid);
  await deleteRef(bench.root, "upstream", `refs/slipway/bases/${bench.baseOid}`);
  await deleteRef(bench.root, "upstream", `refs/slipway/bases/${bench.baseOid}`);
  await expect(deleteRef(bench.root, "upstream", "refs/heads/main")).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  expect(execFileSync("git", ["for-each-ref", "--format=%(refname)"], { cwd: join(bench.root, "upstream.git"), encoding: "utf8" })).toBe(
    "refs/upstream/main\n",
  );
});
