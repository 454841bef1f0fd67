import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BaseLimits } from "@slipway/git/bases/base-store";
import { mountsBelow, unmountBelow } from "@slipway/git/bases/mounts";
import { probeWorkspaces } from "@slipway/git/bases/probe";
import { readBaseOf } from "@slipway/git/bases/workspace-layer";
import { removeTree } from "@slipway/git/remove-tree";
import { fetchUpstream } from "@slipway/git/upstream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { treeSnapshot } from "../support/tree-snapshot.ts";
import { type Bench, commitFiles, commitWorkspace, type FileSpec, git, makeHub, never, scratch, writeFiles } from "./fixture.ts";
import { KINDS_HERE, openShelf, type Shelf } from "./shelf.ts";

const FILLER = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`filler/${index % 5}/${index}`, `${index}`]));
const MANY = { deltaFromFiles: 0 };

/** One commit more on the upstream, in which all files but the filler are these. */
async function land(bench: Bench, files: Record<string, FileSpec>): Promise<string> {
  for (const name of await readdir(bench.source)) if (![".git", "filler"].includes(name)) await rm(join(bench.source, name), { recursive: true });
  const oid = await commitFiles(bench.source, files);
  await fetchUpstream(bench.root, bench.source, never);
  return oid;
}

async function expectWorktree(bench: Bench, workspace: string, oid: string): Promise<void> {
  const plain = join(bench.dir, "plain");
  await git(bench.source, "worktree", "add", "-q", "--detach", plain, oid);
  try {
    expect(await treeSnapshot(workspace)).toEqual(await treeSnapshot(plain));
    expect(await git(workspace, "status", "--porcelain", "--ignored")).toBe("");
  } finally {
    await git(bench.source, "worktree", "remove", "--force", plain);
  }
}

function idsOf(shelf: Shelf): string[] {
  return shelf.bases.list().map(({ id }) => id);
}

describe.runIf(KINDS_HERE.includes("overlay"))("bases under overlays", () => {
  test("after a landing the next base is a layer with what differs, and git trusts its index", async () => {
    const bench = await makeHub({ ...FILLER, a: "1", gone: "1", "folder/x": "1", "file-then-folder": "1", "folder-then-file/x": "1" });
    const shelf = await openShelf(bench, "overlay", MANY);
    expect(await shelf.add("one", bench.baseOid)).toMatchObject({ base: "whole" });
    const next = await land(bench, { a: "2", "folder/y": "1", "file-then-folder/x": "1", "folder-then-file": "1", new: { run: "x" } });
    const { workspace, base } = await shelf.add("two", next);
    expect(base).toBe("delta");
    await expectWorktree(bench, workspace, next);
    const [, delta] = shelf.bases.list();
    const layer = await readdir(join(shelf.bases.folder, delta?.id ?? "", "tree"), { recursive: true });
    expect(layer.filter((name) => name.startsWith("filler"))).toEqual([]);
    await writeFiles(workspace, { a: "3", "filler/1/1": "changed" });
    await rm(join(workspace, "folder-then-file"));
    const taken = await commitWorkspace(bench, shelf.repository, workspace, next);
    expect(!taken.empty && taken.changes.map(({ path, status }) => `${status} ${path}`)).toEqual([
      "modified a",
      "modified filler/1/1",
      "deleted folder-then-file",
    ]);
    await expectWorktree(bench, (await shelf.add("three", next)).workspace, next);
    expect(shelf.troubles).toEqual([]);
  });

  test("any history of trees gives the same files as worktrees of it", async () => {
    const name = fc.constantFrom("a", "b", "c");
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
    const content = fc.constantFrom("", "1", "2\r\n", "ü");
    const spec: fc.Arbitrary<FileSpec> = fc.oneof(
      content,
      content.map((run) => ({ run })),
      content.map((link) => ({ link: link || "a" })),
    );
    const tree = fc.dictionary(path, spec, { maxKeys: 6 }).map(withoutFilesAsFolders);
    const bench = await makeHub(FILLER);
    const shelf = await openShelf(bench, "overlay", { ...MANY, flattenDepth: 4 });
    let count = 0;
    let deltas = 0;
    const holds = async (trees: ReadonlyArray<Record<string, FileSpec>>): Promise<void> => {
      const names: string[] = [];
      for (const files of trees) {
        const oid = await land(bench, files);
        count += 1;
        names.push(`w${count}`);
        const { workspace, base } = await shelf.add(`w${count}`, oid);
        if (base === "delta") deltas += 1;
        await expectWorktree(bench, workspace, oid);
      }
      for (const each of names) await shelf.remove(each);
    };
    await fc.assert(fc.asyncProperty(fc.array(tree, { minLength: 2, maxLength: 4 }), holds), { numRuns: 12, endOnFailure: true });
    expect(deltas).toBeGreaterThan(5);
    expect(shelf.troubles).toEqual([]);
  }, 120_000);

  test("a deep base gets a flat one beside it, and goes when nobody uses it", async () => {
    const bench = await makeHub({ ...FILLER, a: "0" });
    const shelf = await openShelf(bench, "overlay", { ...MANY, flattenDepth: 3 });
    const oids = [bench.baseOid];
    // From the branch of the one before, so that the nearest base is the last one.
    for (let index = 1; index <= 3; index += 1)
      oids.push(await land(bench, Object.fromEntries(Array.from({ length: index + 1 }, (_, each) => [`a${each}`, "1"]))));
    for (const [index, oid] of oids.entries()) await shelf.add(`w${index}`, oid);
    await shelf.bases.settled();
    const newest = shelf.bases.list().filter(({ tree }) => tree === shelf.bases.list().at(-1)?.tree);
    expect(newest.map(({ depth, users }) => ({ depth, users }))).toEqual([
      { depth: 3, users: 1 },
      { depth: 0, users: 0 },
    ]);
    await expectWorktree(bench, (await shelf.add("flat", oids[3] ?? "")).workspace, oids[3] ?? "");
    await shelf.remove("w3");
    await shelf.bases.settled();
    expect(
      shelf.bases
        .list()
        .filter(({ tree }) => tree === newest[0]?.tree)
        .map(({ depth, users }) => ({ depth, users })),
    ).toEqual([{ depth: 0, users: 1 }]);
  });

  test("who uses a base, and what it lies on, keeps it from removal; the others go, oldest first", async () => {
    const bench = await makeHub({ ...FILLER, a: "0" });
    const shelf = await openShelf(bench, "overlay", MANY);
    await shelf.add("one", bench.baseOid);
    const next = await land(bench, { a: "1" });
    await shelf.add("two", next);
    const [below, above] = idsOf(shelf);
    await shelf.remove("one");
    await shelf.bases.settled();
    const full: Partial<BaseLimits> = { totalBytes: 1 };
    await shelf.reopen({ limits: full });
    // Nobody has said yet who uses it: the mount does.
    await shelf.bases.settled();
    expect(idsOf(shelf).toSorted()).toEqual([below, above].toSorted());
    shelf.bases.retain(shelf.layerOf("two"), (await readBaseOf(shelf.layerOf("two"))) ?? "");
    await shelf.bases.sweep();
    expect(idsOf(shelf).toSorted()).toEqual([below, above].toSorted());
    await shelf.remove("two");
    await shelf.bases.settled();
    expect(idsOf(shelf)).toEqual([]);
    expect(await readdir(shelf.bases.folder)).toEqual([]);
  });

  test("a base that nobody used for long goes", async () => {
    const bench = await makeHub(FILLER);
    const shelf = await openShelf(bench, "overlay", { idleMs: -1 });
    await shelf.add("one", bench.baseOid);
    await shelf.bases.sweep();
    expect(idsOf(shelf)).toHaveLength(1);
    await shelf.remove("one");
    await shelf.bases.settled();
    expect(idsOf(shelf)).toEqual([]);
  });

  test("the next start takes bases up, and removes what was half made, half removed, or may be broken by a power cut", async () => {
    const bench = await makeHub(FILLER);
    const shelf = await openShelf(bench, "overlay");
    await shelf.add("one", bench.baseOid);
    await shelf.remove("one");
    await shelf.bases.settled();
    const [id = ""] = idsOf(shelf);
    for (const name of ["making-0123456789ab/tree/x", "removing-0123456789ac/tree/x", "0123456789ad/tree/x"])
      await writeFiles(shelf.bases.folder, { [name]: "half" });
    await shelf.reopen({ bootId: "another boot" });
    expect(idsOf(shelf)).toEqual([id]);
    expect(await readdir(shelf.bases.folder)).toEqual([id]);
    expect((await shelf.add("two", bench.baseOid)).base).toBe("kept");
    await shelf.remove("two");
    const facts = join(shelf.bases.folder, id, "base.json");
    await shelf.bases.settled();
    await writeFile(facts, (await readFile(facts, "utf8")).replace('"isSynced":true', '"isSynced":false'));
    await shelf.reopen({ bootId: "a third boot" });
    expect(await readdir(shelf.bases.folder)).toEqual([]);
  });

  test("whoever waits for a base can stop waiting, and the others get it", async () => {
    const bench = await makeHub(FILLER);
    const shelf = await openShelf(bench, "overlay");
    const impatient = new AbortController();
    const first = shelf.add("one", bench.baseOid, { signal: impatient.signal });
    const second = shelf.add("two", bench.baseOid);
    impatient.abort(new Error("no patience"));
    await expect(first).rejects.toThrow();
    await expectWorktree(bench, (await second).workspace, bench.baseOid);
    const alone = new AbortController();
    const next = await land(bench, { a: "1" });
    const third = shelf.add("three", next, { signal: alone.signal });
    alone.abort(new Error("no patience"));
    await expect(third).rejects.toThrow();
    await expectWorktree(bench, (await shelf.add("four", next)).workspace, next);
    expect(shelf.bases.list().map(({ users }) => users)).toEqual([1, 1]);
  });

  test("files belong to the sandbox' user from the start, and git trusts the index there too", async () => {
    const bench = await makeHub({ ...FILLER, a: "1", folder: { link: "filler" } });
    const owner = { uid: 54_321, gid: 54_322 };
    const shelf = await openShelf(bench, "overlay", MANY, owner);
    await shelf.add("one", bench.baseOid);
    const next = await land(bench, { a: "2", run: { run: "x" } });
    const { workspace, base } = await shelf.add("two", next);
    expect(base).toBe("delta");
    // The way there, and the objects, which a sandbox is shown.
    execFileSync("chmod", ["a+x", bench.dir, shelf.data, join(shelf.data, "worker"), join(shelf.data, "worker/places"), join(workspace, "..")]);
    execFileSync("chmod", ["-R", "a+rX", bench.root]);
    const asOwner = (...args: string[]): string =>
      execFileSync("git", ["-C", workspace, ...args], { ...owner, encoding: "utf8", env: { PATH: process.env["PATH"], HOME: "/nonexistent" } });
    // Not one file differs by its stat data: git would have to read it.
    expect(asOwner("diff-files", "--name-only")).toBe("");
    expect(asOwner("status", "--porcelain")).toBe("");
    execFileSync("sh", ["-c", "echo 3 > a; rm run; mkdir filler/new; echo 1 > filler/new/x; echo 1 >> filler/1/1"], { ...owner, cwd: workspace });
    expect(asOwner("status", "--porcelain").split("\n").filter(Boolean)).toEqual([" M a", " M filler/1/1", " D run", "?? filler/new/"]);
    asOwner("commit", "-qam", "mine");
  });

  test("where no layer can be made, a base with all files is, and that is told", async () => {
    const bench = await makeHub({ ...FILLER, gone: "1" });
    const shelf = await openShelf(bench, "overlay", MANY);
    await shelf.add("one", bench.baseOid);
    await writeFile(join(shelf.bases.folder, idsOf(shelf)[0] ?? "", "git/.git/index"), "no index");
    const next = await land(bench, { a: "1" });
    const { workspace, base } = await shelf.add("two", next);
    expect(base).toBe("whole");
    await expectWorktree(bench, workspace, next);
    expect(shelf.troubles).toEqual([expect.objectContaining({ code: "WORKSPACE_FAILED" })]);
    expect((await readdir(shelf.bases.folder)).toSorted()).toEqual(idsOf(shelf).toSorted());
  });

  test("a data folder may have any name", async () => {
    const bench = await makeHub({ ...FILLER, a: "1" });
    const dir = join(bench.dir, 'odd, näme:\\ "with"\tspace');
    await mkdir(dir);
    const shelf = await openShelf({ ...bench, dir }, "overlay", MANY);
    await shelf.add("one", bench.baseOid);
    const next = await land(bench, { a: "2" });
    const { workspace, base } = await shelf.add("two", next);
    expect(base).toBe("delta");
    expect(await readFile(join(workspace, "a"), "utf8")).toBe("2");
    await shelf.remove("two");
    expect((await mountsBelow(shelf.data)).filter(({ type }) => type === "overlay").map(({ point }) => point)).toEqual([
      join(shelf.data, "worker/places/one/workspace"),
    ]);
  });

  test("nothing is removed through a mount", async () => {
    const bench = await makeHub({ a: "1" });
    const shelf = await openShelf(bench, "overlay");
    const { workspace } = await shelf.add("one", bench.baseOid);
    for (const path of [workspace, join(workspace, "..")])
      await expect(removeTree(path)).rejects.toMatchObject({ code: "WORKSPACE_FAILED", message: expect.stringContaining(workspace) });
    expect(await readFile(join(workspace, "a"), "utf8")).toBe("1");
  });

  test("the probe leaves a shared mount and nothing else", async () => {
    const folder = await scratch();
    for (let time = 0; time < 2; time += 1) {
      expect(await probeWorkspaces(folder, "auto")).toEqual({ kind: "overlay", reasons: {} });
      expect((await mountsBelow(folder)).map(({ point, isShared }) => ({ point, isShared }))).toEqual([{ point: folder, isShared: true }]);
      expect(await readdir(folder)).toEqual([]);
    }
    await unmountBelow(folder);
  });
});

test("a kind that is asked for and does not work here is an error that says why; without one the ladder ends at a worktree", async () => {
  // A file system in memory shares no blocks.
  const folder = await scratch("/dev/shm");
  await expect(probeWorkspaces(folder, "reflink")).rejects.toMatchObject({ code: "INVALID_CONFIG", message: expect.stringContaining("reflink") });
  expect(await probeWorkspaces(folder, "worktree")).toEqual({ kind: "worktree", reasons: {} });
});

/** Of two paths, one of which needs the other as a folder, the shorter one goes. */
function withoutFilesAsFolders(files: Record<string, FileSpec>): Record<string, FileSpec> {
  const names = Object.keys(files);
  return Object.fromEntries(Object.entries(files).filter(([name]) => !names.some((other) => other.startsWith(`${name}/`))));
}
