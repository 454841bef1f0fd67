import { join } from "node:path";
import { fastForwardBranch, land, readBranch } from "@slipway/git/hub";
import { pushCommit } from "@slipway/git/repository";
import { expect, test } from "vitest";
import { accessOf, type Bench, git, makeHub, makeWorkspace, never, openWorker, serveHub, takenOid, writeFiles } from "./fixture.ts";

/** Job commits on the hub, each with a file of its own. */
async function pushedCommits(bench: Bench, count: number): Promise<Array<{ oid: string; ref: string }>> {
  const served = await serveHub(bench);
  const commits: Array<{ oid: string; ref: string }> = [];
  for (let index = 0; index < count; index += 1) {
    const hub = accessOf(bench, served);
    const repository = await openWorker(bench, hub);
    const workspace = await makeWorkspace(bench, repository, `workspace-${index}`);
    await writeFiles(workspace, { [`file-${index}`]: `content of ${index}` });
    const oid = await takenOid(bench, repository, workspace);
    await pushCommit(repository, hub, oid, undefined, never);
    commits.push({ oid, ref: hub.pushRef });
  }
  return commits;
}

test("of concurrent landings exactly one wins, and the losers leave no object behind", async () => {
  const bench = await makeHub({ a: "1" });
  await fastForwardBranch(bench.root, "main", bench.baseOid);
  const commits = await pushedCommits(bench, 4);
  const results = await Promise.all(commits.map(({ oid, ref }) => land(bench.root, { branch: "main", oldOid: bench.baseOid, newOid: oid, jobRef: ref })));
  expect(results.filter((result) => result === "landed")).toHaveLength(1);
  const winner = commits[results.indexOf("landed")];
  expect(await readBranch(bench.root, "main")).toBe(winner?.oid);
  for (const { oid } of commits) {
    const present = await git(join(bench.root, "upstream.git"), "cat-file", "-e", oid).then(
      () => true,
      () => false,
    );
    expect(present).toBe(oid === winner?.oid);
  }
  await git(join(bench.root, "upstream.git"), "fsck", "--strict", "--connectivity-only");
});

test("a new branch is made once; the same landing again is landed; another is moved", async () => {
  const bench = await makeHub({ a: "1" });
  const [first, second] = (await pushedCommits(bench, 2)) as [{ oid: string; ref: string }, { oid: string; ref: string }];
  const to = (commit: { oid: string; ref: string }, oldOid: string | null) =>
    land(bench.root, { branch: "slipway/x", oldOid, newOid: commit.oid, jobRef: commit.ref });
  expect(await to(first, null)).toBe("landed");
  expect(await to(first, null)).toBe("landed");
  expect(await to(second, null)).toBe("moved");
  expect(await to(second, bench.baseOid)).toBe("moved");
  expect(await readBranch(bench.root, "slipway/x")).toBe(first.oid);
});

test("a name that cannot stand beside another branch is a conflict, and an unknown commit is not landed", async () => {
  const bench = await makeHub({ a: "1" });
  await fastForwardBranch(bench.root, "main", bench.baseOid);
  const [commit] = (await pushedCommits(bench, 1)) as [{ oid: string; ref: string }];
  await expect(land(bench.root, { branch: "main/sub", oldOid: null, newOid: commit.oid, jobRef: commit.ref })).rejects.toMatchObject({ code: "CONFLICT" });
  await expect(land(bench.root, { branch: "x", oldOid: null, newOid: "1".repeat(40), jobRef: "r" })).rejects.toMatchObject({ code: "BASE_NOT_FOUND" });
  await expect(land(bench.root, { branch: "-x", oldOid: null, newOid: commit.oid, jobRef: "r" })).rejects.toMatchObject({ code: "INVALID_REQUEST" });
});
