import { execFile } from "node:child_process";
import { lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { applyScript, writeChangedFiles } from "@slipway/git/handover";
import { fetchCommit, type WorkerRepository } from "@slipway/git/repository";
import { expect, test } from "vitest";
import { accessOf, type Bench, git, makeHub, makeWorkspace, never, openWorker, scratch, serveHub, takenOid, writeFiles } from "./fixture.ts";

const BASE = {
  ".gitattributes": "*.win text eol=crlf\n",
  a: "1\n",
  gone: "old\n",
  "dir/inner": "x\n",
  flat: "file\n",
  link: { link: "a" },
  run: { run: "#!/bin/sh\n" },
};

interface Scene {
  readonly repository: WorkerRepository;
  readonly baseOid: string;
  readonly oid: string;
  readonly fresh: string;
}

/** A commit with what an agent did in a workspace of its own, and a fresh workspace for the next one. */
async function handedOver(work: (workspace: string) => Promise<void>): Promise<Scene & { bench: Bench }> {
  const bench = await makeHub(BASE);
  const repository = await openWorker(bench);
  const before = await makeWorkspace(bench, repository, "before/workspace");
  await work(before);
  const oid = await takenOid(bench, repository, before);
  return { bench, repository, baseOid: bench.baseOid, oid, fresh: await makeWorkspace(bench, repository, "after/workspace") };
}

async function bring(from: {
  repository: WorkerRepository;
  baseOid: string;
  oid: string;
  fresh: string;
}): Promise<Awaited<ReturnType<typeof writeChangedFiles>>> {
  const out = join(await scratch(), "handover");
  const changes = await writeChangedFiles(from.repository, { baseOid: from.baseOid, oid: from.oid, out, signal: never });
  await promisify(execFile)("sh", ["-c", applyScript()], { env: { PATH: process.env["PATH"], WORKSPACE: from.fresh, FROM: out } });
  return changes;
}

test("a fresh workspace gets what the commit changed, and is else as the base", async () => {
  const scene = await handedOver(async (workspace) => {
    await writeFiles(workspace, { a: "2\n", "new dir/ü\n": "3\n", "x.win": "one\r\n", run: { run: "#!/bin/sh\nexit 1\n" } });
    for (const path of ["gone", "dir", "flat", "link"]) await rm(join(workspace, path), { recursive: true });
    await writeFiles(workspace, { dir: "now a file\n", "flat/inner": "now a folder\n" });
    await symlink("run", join(workspace, "link"));
  });
  const changes = await bring(scene);
  expect(changes.map(({ path, status }) => `${status} ${path}`).toSorted()).toEqual(
    [
      "added dir",
      "added flat/inner",
      "added new dir/ü\n",
      "added x.win",
      "deleted dir/inner",
      "deleted flat",
      "deleted gone",
      "modified a",
      "modified link",
      "modified run",
    ].toSorted(),
  );
  const { fresh } = scene;
  expect(await readFile(join(fresh, "a"), "utf8")).toBe("2\n");
  expect(await readFile(join(fresh, "dir"), "utf8")).toBe("now a file\n");
  expect(await readFile(join(fresh, "flat/inner"), "utf8")).toBe("now a folder\n");
  expect(await readFile(join(fresh, "new dir/ü\n"), "utf8")).toBe("3\n");
  // The attributes of the tree count.
  expect(await readFile(join(fresh, "x.win"), "utf8")).toBe("one\r\n");
  expect(await readlink(join(fresh, "link"))).toBe("run");
  expect((await lstat(join(fresh, "run"))).mode & 0o100).toBe(0o100);
  expect(await readdir(fresh)).not.toContain("gone");
  // For its agent it is not committed; and a commit of it is the same tree again.
  expect(await git(fresh, "log", "--format=%H")).toBe(scene.baseOid);
  const again = await takenOid(scene.bench, scene.repository, fresh);
  const jobs = scene.repository.jobsGit;
  expect(await git(jobs, "rev-parse", `${again}^{tree}`)).toBe(await git(jobs, "rev-parse", `${scene.oid}^{tree}`));
});

test("nothing is written through a link that a setup left in the workspace", async () => {
  const scene = await handedOver(async (workspace) => {
    await rm(join(workspace, "link"));
    await writeFiles(workspace, { a: "2\n", link: "a file now\n" });
  });
  const outside = await scratch();
  await writeFile(join(outside, "mine"), "untouched\n");
  for (const name of ["a", "link"]) {
    await rm(join(scene.fresh, name));
    await symlink(join(outside, "mine"), join(scene.fresh, name));
  }
  await bring(scene);
  expect(await readFile(join(outside, "mine"), "utf8")).toBe("untouched\n");
  expect(await readFile(join(scene.fresh, "a"), "utf8")).toBe("2\n");
});

test("the commit of an attempt on another machine is fetched first", async () => {
  const bench = await makeHub(BASE);
  const here = await openWorker(bench);
  const workspace = await makeWorkspace(bench, here);
  await writeFiles(workspace, { a: "2\n" });
  const oid = await takenOid(bench, here, workspace);
  await git(here.jobsGit, "push", "--quiet", join(bench.root, "jobs.git"), `${oid}:refs/slipway/jobs/x/1`);
  const hub = accessOf(bench, await serveHub(bench), { remote: true });
  const there = await openWorker(bench, hub, "there");
  await fetchCommit(there, hub, oid, "jobs", never);
  const fresh = await makeWorkspace(bench, there, "there/workspace");
  await mkdir(join(fresh, "kept"));
  expect(await bring({ repository: there, baseOid: bench.baseOid, oid, fresh })).toMatchObject([{ path: "a", status: "modified" }]);
  expect(await readFile(join(fresh, "a"), "utf8")).toBe("2\n");
});
