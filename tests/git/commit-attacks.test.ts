import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { pushCommit, type WorkerRepository } from "@slipway/git/repository";
import { fetchUpstream } from "@slipway/git/upstream";
import { removeWorkspace } from "@slipway/git/workspace";
import { expect, test } from "vitest";
import {
  accessOf,
  type Bench,
  commitFiles,
  commitWorkspace,
  git,
  LIMITS,
  makeFifo,
  makeHub,
  makeWorkspace,
  never,
  openWorker,
  runCommitScript,
  serveHub,
  takenOid,
  takeOut,
  writeFiles,
} from "./fixture.ts";

interface Setup {
  readonly bench: Bench;
  readonly repository: WorkerRepository;
  readonly workspace: string;
  /** Appears as soon as anything of the agent's runs. */
  readonly marker: string;
}

async function setup(): Promise<Setup> {
  const bench = await makeHub({ a: "1\n", "src/b": "2\n" });
  const repository = await openWorker(bench);
  return { bench, repository, workspace: await makeWorkspace(bench, repository), marker: join(bench.dir, "marker") };
}

/** Configuration that runs a command wherever git lets configuration do so. */
function hostileConfig(marker: string): string {
  return `[core]
\trepositoryformatversion = 0
\tfsmonitor = touch ${marker}; false
\thooksPath = hooks
\tpager = touch ${marker}
\teditor = touch ${marker}
\tsshCommand = touch ${marker}
\tattributesFile = /dev/null
[filter "evil"]
\tclean = touch ${marker}; cat
\tsmudge = touch ${marker}; cat
\tprocess = touch ${marker}
\trequired = true
[diff "evil"]
\ttextconv = touch ${marker}; cat
\tcommand = touch ${marker}
[merge "evil"]
\tdriver = touch ${marker}
[diff]
\texternal = touch ${marker}
[alias]
\tadd = !touch ${marker}
\twrite-tree = !touch ${marker}
[uploadpack]
\tpackObjectsHook = touch ${marker}
[credential]
\thelper = !touch ${marker}
[gpg]
\tprogram = touch ${marker}
[commit]
\tgpgSign = true
`;
}

const HOOKS = [
  "pre-commit",
  "post-commit",
  "post-checkout",
  "post-index-change",
  "reference-transaction",
  "pre-push",
  "pre-receive",
  "fsmonitor-watchman",
  "post-update",
];

async function plantRepository(dir: string, marker: string): Promise<void> {
  await git(dir, "init", "-q");
  await writeFiles(dir, { inner: "1" });
  await git(dir, "add", "-A");
  await git(dir, "commit", "-qm", "inner");
  await plantIn(join(dir, ".git"), marker);
}

async function plantIn(gitDir: string, marker: string): Promise<void> {
  await writeFile(join(gitDir, "config"), hostileConfig(marker));
  await writeFiles(gitDir, Object.fromEntries(HOOKS.map((name) => [`hooks/${name}`, { run: `#!/bin/sh\ntouch ${marker}\n` }])));
}

async function packsOf(repository: WorkerRepository): Promise<string[]> {
  const entries = await readdir(repository.jobsGit, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && !["config", "HEAD", "alternates"].includes(entry.name)).map((entry) => entry.name);
}

/** Writes OUT as a malicious sandbox would. */
async function forgeOut(bench: Bench, tree: string, objects: readonly string[], store: string): Promise<string> {
  const out = await mkdtemp(join(bench.dir, "forged-"));
  await writeFile(join(out, "tree"), `${tree}\n`);
  await writeFile(join(out, "pack"), execFileSync("git", ["pack-objects", "--stdout", "-q"], { cwd: store, input: objects.map((oid) => `${oid}\n`).join("") }));
  return out;
}

function writeObject(store: string, type: string, content: Buffer | string): string {
  return execFileSync("git", ["hash-object", "-t", type, "--literally", "-w", "--stdin"], { cwd: store, input: content, encoding: "utf8" }).trim();
}

function treeEntry(mode: string, name: string, oid: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, "hex")]);
}

async function forgery(bench: Bench): Promise<string> {
  const store = await mkdtemp(join(bench.dir, "store-"));
  await git(store, "init", "-q", "--bare");
  return store;
}

test("nested repositories, wherever they are, run nothing and are a scope violation", async () => {
  for (const place of ["nested", "src", "deep/er/nested", "src/sub dir"]) {
    const s = await setup();
    await mkdir(join(s.workspace, place), { recursive: true });
    await writeFiles(s.workspace, { ".gitattributes": "* filter=evil diff=evil\n", [`${place}/x`]: "1" });
    await plantRepository(join(s.workspace, place), s.marker);
    await expect(commitWorkspace(s.bench, s.repository, s.workspace)).rejects.toMatchObject({ code: "SCOPE_VIOLATION", details: { paths: [place] } });
    await removeWorkspace(s.repository, s.workspace);
    expect(existsSync(s.marker), place).toBe(false);
    expect(await packsOf(s.repository)).toEqual([]);
  }
});

test("a nested repository without a commit, and one that is only a .git file, are a scope violation too", async () => {
  const s = await setup();
  await mkdir(join(s.workspace, "new\nborn"));
  await git(join(s.workspace, "new\nborn"), "init", "-q");
  await expect(commitWorkspace(s.bench, s.repository, s.workspace)).rejects.toMatchObject({ code: "SCOPE_VIOLATION", details: { paths: ["new\nborn"] } });
  await rm(join(s.workspace, "new\nborn"), { recursive: true });
  await writeFiles(s.workspace, { "src/.git": "gitdir: /etc\n" });
  await expect(commitWorkspace(s.bench, s.repository, s.workspace)).rejects.toMatchObject({ code: "SCOPE_VIOLATION", details: { paths: ["src"] } });
});

test("a repository in an ignored folder is nobody's business", async () => {
  const s = await setup();
  await writeFiles(s.workspace, { ".gitignore": "node_modules/\n", "node_modules/x/y": "1" });
  await plantRepository(join(s.workspace, "node_modules/x"), s.marker);
  expect(await commitWorkspace(s.bench, s.repository, s.workspace)).toMatchObject({ changes: [{ path: ".gitignore" }] });
  expect(existsSync(s.marker)).toBe(false);
});

test("the agent's own .git, hostile, replaced by a link or by a file, is never read", async () => {
  const outcomes = [];
  for (const replace of ["hostile", "link", "file", "gone"]) {
    const s = await setup();
    await writeFiles(s.workspace, {
      ".gitattributes": "* filter=evil diff=evil merge=evil ident export-subst text working-tree-encoding=utf-8\n",
      a: "$Id$ 2\n",
    });
    const own = join(s.workspace, ".git");
    await plantIn(own, s.marker);
    if (replace !== "hostile") await rm(own, { recursive: true });
    if (replace === "file") await writeFile(own, `gitdir: ${s.bench.dir}/elsewhere\n`);
    if (replace === "link") {
      await mkdir(join(s.bench.dir, "elsewhere"));
      await plantRepository(join(s.bench.dir, "elsewhere"), s.marker);
      await symlink(join(s.bench.dir, "elsewhere/.git"), own);
    }
    outcomes.push(await commitWorkspace(s.bench, s.repository, s.workspace));
    await removeWorkspace(s.repository, s.workspace);
    expect(existsSync(s.marker), replace).toBe(false);
  }
  for (const outcome of outcomes) expect(outcome).toMatchObject({ changes: [{ path: ".gitattributes" }, { path: "a" }] });
});

test("a base submodule with a replaced .git runs nothing and changes nothing", async () => {
  const bench = await makeHub({ a: "1" });
  await git(bench.dir, "init", "-q", "-b", "main", "library");
  await commitFiles(join(bench.dir, "library"), { l: "1" });
  await git(bench.source, "submodule", "--quiet", "add", "../library", "lib");
  const base = await commitFiles(bench.source, {});
  await fetchUpstream(bench.root, bench.source, never);
  const repository = await openWorker(bench);
  const workspace = await makeWorkspace(bench, repository, "workspace", base);
  const marker = join(bench.dir, "marker");
  await plantRepository(join(workspace, "lib"), marker);
  await writeFiles(workspace, { "lib/.gitattributes": "* filter=evil\n", "lib/inner": "changed", a: "2" });
  expect(await commitWorkspace(bench, repository, workspace, base)).toMatchObject({ changes: [{ path: "a" }] });
  await removeWorkspace(repository, workspace);
  expect(existsSync(marker)).toBe(false);
});

test("what lies in OUT beside the answer is never read", async () => {
  const s = await setup();
  await writeFiles(s.workspace, { a: "2", ".gitattributes": "* filter=evil diff=evil\n" });
  const run = await runCommitScript(s.bench, s.repository, s.workspace);
  await plantIn(join(run.out, "git"), s.marker);
  await writeFiles(run.out, { HEAD: "ref: x\n", config: hostileConfig(s.marker), "objects/x": "1", "refs/x": "1" });
  const taken = await takeOut(s.repository, run.out, s.bench.baseOid);
  if (taken.empty) throw new Error("empty");
  const served = await serveHub(s.bench);
  await pushCommit(s.repository, accessOf(s.bench, served), taken.oid, undefined, never);
  expect(existsSync(s.marker)).toBe(false);
});

test("OUT's files are read only where they are plain files: no link, no folder, no FIFO, no socket, and no waiting", async () => {
  const s = await setup();
  await writeFiles(s.workspace, { a: "2" });
  for (const name of ["pack", "tree", "nested"]) {
    for (const kind of ["link", "folder", "fifo", "socket", "device"]) {
      const run = await runCommitScript(s.bench, s.repository, s.workspace);
      const path = join(run.out, name);
      await rename(path, `${path}.real`);
      if (kind === "link") await symlink(`${path}.real`, path);
      if (kind === "folder") await mkdir(path);
      if (kind === "fifo") makeFifo(path);
      if (kind === "device") await symlink("/dev/zero", path);
      const server = createServer();
      if (kind === "socket") await new Promise<void>((done) => server.listen(path, done));
      await expect(takeOut(s.repository, run.out, s.bench.baseOid), `${name} as ${kind}`).rejects.toMatchObject({ code: "COMMIT_INVALID" });
      if (kind === "socket") await new Promise((done) => server.close(done));
    }
  }
  const run = await runCommitScript(s.bench, s.repository, s.workspace);
  await rename(run.out, `${run.out}.real`);
  await symlink(`${run.out}.real`, run.out);
  await expect(takeOut(s.repository, run.out, s.bench.baseOid)).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  expect(await packsOf(s.repository)).toEqual([]);
});

test("an answer that is missing, cut off, padded or no pack at all is refused", async () => {
  const s = await setup();
  await writeFiles(s.workspace, { a: "2" });
  const spoil: Record<string, (out: string) => Promise<unknown>> = {
    "no pack": (out) => rm(join(out, "pack")),
    "no tree": (out) => rm(join(out, "tree")),
    "short pack": (out) => truncate(join(out, "pack"), 40),
    "empty pack": (out) => truncate(join(out, "pack"), 0),
    garbage: (out) => writeFile(join(out, "pack"), Buffer.alloc(5_000, 65)),
    "a long tree": (out) => writeFile(join(out, "tree"), "1".repeat(5_000)),
    "an option": (out) => writeFile(join(out, "tree"), "--help\n"),
    "a name": (out) => writeFile(join(out, "tree"), "HEAD\n"),
    "a binary tree": (out) => writeFile(join(out, "tree"), Buffer.from([0, 1, 2])),
    "flipped bits": async (out) => {
      const bytes = await readFile(join(out, "pack"));
      bytes.writeUInt8(bytes.readUInt8(30) ^ 0xff, 30);
      await rm(join(out, "pack"));
      await writeFile(join(out, "pack"), bytes);
    },
    "a tail": async (out) => {
      const bytes = await readFile(join(out, "pack"));
      await rm(join(out, "pack"));
      await writeFile(join(out, "pack"), Buffer.concat([bytes, Buffer.from("tail")]));
    },
  };
  for (const [name, change] of Object.entries(spoil)) {
    const run = await runCommitScript(s.bench, s.repository, s.workspace);
    await change(run.out);
    await expect(takeOut(s.repository, run.out, s.bench.baseOid), name).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  }
  expect(await packsOf(s.repository)).toEqual([]);
});

test("size and count are bounded", async () => {
  const s = await setup();
  const { randomBytes } = await import("node:crypto");
  await writeFiles(s.workspace, { big: randomBytes(100_000), one: "1", two: "2" });
  const run = await runCommitScript(s.bench, s.repository, s.workspace);
  await expect(takeOut(s.repository, run.out, s.bench.baseOid, { ...LIMITS, packBytes: 99_000 })).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  await expect(takeOut(s.repository, run.out, s.bench.baseOid, { ...LIMITS, objects: 3 })).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  // A header that names fewer objects than there are.
  const bytes = await readFile(join(run.out, "pack"));
  bytes.writeUInt32BE(2, 8);
  await rm(join(run.out, "pack"));
  await writeFile(join(run.out, "pack"), bytes);
  await expect(takeOut(s.repository, run.out, s.bench.baseOid, { ...LIMITS, objects: 3 })).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  expect(await packsOf(s.repository)).toEqual([]);
});

test("trees that no checkout may have are refused", async () => {
  const s = await setup();
  const store = await forgery(s.bench);
  const blob = writeObject(store, "blob", "x\n");
  const inner = writeObject(store, "tree", treeEntry("100644", "config", blob));
  const names = [".git", ".GIT", ".git ", ".git.", "git~1", "GIT~1", ".git::$INDEX_ALLOCATION", ".g\u200cit", "..", ".", "", "a/b", ".git\\x"];
  for (const name of names) {
    for (const [mode, oid] of [
      ["100644", blob],
      ["40000", inner],
    ] as const) {
      const tree = writeObject(store, "tree", treeEntry(mode, name, oid));
      const out = await forgeOut(s.bench, tree, [tree, inner, blob], store);
      await expect(takeOut(s.repository, out, s.bench.baseOid), JSON.stringify(name)).rejects.toMatchObject({ code: "COMMIT_INVALID" });
      const outer = writeObject(store, "tree", treeEntry("40000", "dir", tree));
      const deeper = await forgeOut(s.bench, outer, [outer, tree, inner, blob], store);
      await expect(takeOut(s.repository, deeper, s.bench.baseOid), JSON.stringify(name)).rejects.toMatchObject({ code: "COMMIT_INVALID" });
    }
  }
  const odd: Record<string, Buffer[]> = {
    unsorted: [treeEntry("100644", "b", blob), treeEntry("100644", "a", blob)],
    twice: [treeEntry("100644", "a", blob), treeEntry("100644", "a", blob)],
    "odd mode": [treeEntry("100600", "a", blob)],
    "blob as tree": [treeEntry("40000", "a", blob)],
    "tree as blob": [treeEntry("100644", "a", inner)],
    "null object": [treeEntry("100644", "a", "0".repeat(40))],
    "missing object": [treeEntry("100644", "a", "1".repeat(40))],
    ".gitmodules as a link": [treeEntry("120000", ".gitmodules", blob)],
  };
  for (const [name, entries] of Object.entries(odd)) {
    const tree = writeObject(store, "tree", Buffer.concat(entries));
    const out = await forgeOut(s.bench, tree, [tree, inner, blob], store);
    await expect(takeOut(s.repository, out, s.bench.baseOid), name).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  }
  const modules = writeObject(store, "blob", '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch x\n');
  const tree = writeObject(store, "tree", treeEntry("100644", ".gitmodules", modules));
  await expect(takeOut(s.repository, await forgeOut(s.bench, tree, [tree, modules], store), s.bench.baseOid)).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  expect(await packsOf(s.repository)).toEqual([]);
}, 120_000);

test("a forged submodule link, new or gone, is a scope violation", async () => {
  const s = await setup();
  const store = await forgery(s.bench);
  const tree = writeObject(store, "tree", treeEntry("160000", "sub", s.bench.baseOid));
  const out = await forgeOut(s.bench, tree, [tree], store);
  await expect(takeOut(s.repository, out, s.bench.baseOid)).rejects.toMatchObject({ code: "SCOPE_VIOLATION", details: { paths: ["sub"] } });

  await git(s.bench.source, "update-index", "--add", "--cacheinfo", `160000,${s.bench.baseOid},sub`);
  await git(s.bench.source, "commit", "-qm", "link");
  const base = await git(s.bench.source, "rev-parse", "HEAD");
  await fetchUpstream(s.bench.root, s.bench.source, never);
  const old = await git(s.bench.source, "rev-parse", `${s.bench.baseOid}^{tree}`);
  await expect(takeOut(s.repository, await forgeOut(s.bench, old, [], store), base)).rejects.toMatchObject({ code: "SCOPE_VIOLATION" });
});

test("a tree of another job, or a tree that names its objects, is refused", async () => {
  const s = await setup();
  const served = await serveHub(s.bench);
  const other = await makeWorkspace(s.bench, s.repository, "other");
  await writeFiles(other, { secret: "of another job" });
  const theirs = await takenOid(s.bench, s.repository, other);
  await pushCommit(s.repository, accessOf(s.bench, served), theirs, undefined, never);
  const foreignTree = await git(s.repository.jobsGit, "rev-parse", `${theirs}^{tree}`);
  const foreignBlob = await git(s.repository.jobsGit, "rev-parse", `${theirs}:secret`);
  const store = await forgery(s.bench);
  const naming = writeObject(store, "tree", treeEntry("100644", "stolen", foreignBlob));
  const missing = "1".repeat(40);
  const blob = writeObject(store, "blob", "x");
  for (const [tree, objects] of [
    [foreignTree, []],
    [naming, [naming]],
    [missing, []],
    [blob, [blob]],
    [theirs, []],
  ] as const) {
    await expect(takeOut(s.repository, await forgeOut(s.bench, tree, objects, store), s.bench.baseOid), tree).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  }
});

test("a pack whose deltas need an object from elsewhere is refused", async () => {
  const s = await setup();
  const store = join(s.bench.dir, "thin");
  await git(s.bench.dir, "init", "-q", "thin");
  const text = Array.from({ length: 500 }, (_, index) => `line ${index}\n`).join("");
  const first = await commitFiles(store, { x: text });
  await commitFiles(store, { x: `${text}more\n` });
  const out = await mkdtemp(join(s.bench.dir, "forged-"));
  await writeFile(join(out, "tree"), await git(store, "rev-parse", "HEAD^{tree}"));
  const pack = execFileSync("git", ["pack-objects", "--thin", "--revs", "--stdout", "-q"], { cwd: store, input: `HEAD\n^${first}\n` });
  expect(pack.length).toBeLessThan(1_000);
  await writeFile(join(out, "pack"), pack);
  await expect(takeOut(s.repository, out, s.bench.baseOid)).rejects.toMatchObject({ code: "COMMIT_INVALID" });
});

test("a bomb of trees ends in time and in a refusal", async () => {
  const s = await setup();
  const store = await forgery(s.bench);
  let oid = writeObject(store, "blob", "boom\n");
  const objects = [oid];
  for (let level = 0; level < 9; level += 1) {
    const mode = level === 0 ? "100644" : "40000";
    oid = writeObject(store, "tree", Buffer.concat(Array.from({ length: 10 }, (_, index) => treeEntry(mode, `d${index}`, oid))));
    objects.push(oid);
  }
  await expect(takeOut(s.repository, await forgeOut(s.bench, oid, objects, store), s.bench.baseOid)).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  expect(await packsOf(s.repository)).toEqual([]);
}, 180_000);

test("a writer that keeps a FIFO open cannot hold the daemon", async () => {
  const s = await setup();
  await writeFiles(s.workspace, { a: "2" });
  const run = await runCommitScript(s.bench, s.repository, s.workspace);
  await rm(join(run.out, "pack"));
  makeFifo(join(run.out, "pack"));
  const writer = spawn("sh", ["-c", `exec 3<>"${join(run.out, "pack")}"; echo ready; read line`], { stdio: ["pipe", "pipe", "ignore"] });
  await once(writer.stdout, "data");
  await expect(takeOut(s.repository, run.out, s.bench.baseOid)).rejects.toMatchObject({ code: "COMMIT_INVALID" });
  writer.stdin.end();
  await once(writer, "close");
});
