import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "vitest";
import { pushCommit } from "@slipway/git/repository";
import { removeWorkspace, addWorkspace } from "@slipway/git/workspace";
import { land } from "@slipway/git/hub";
import { mkdir } from "node:fs/promises";
import { accessOf, makeHub, openWorker, runCommitScript, serveHub, takeOut } from "./fixture.ts";

test("bench", async () => {
  const files = Object.fromEntries(Array.from({ length: Number(process.env["N"] ?? 100) }, (_, i) => [`d${i % 100}/f${i}`, `file ${i}\n`.repeat(20)]));
  const bench = await makeHub(files);
  const served = await serveHub(bench);
  const times: Record<string, number[]> = {};
  const time = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    (times[name] ??= []).push(performance.now() - start);
    return result;
  };
  for (let i = 0; i < 15; i += 1) {
    const hub = accessOf(bench, served);
    const repository = await time("open", () => openWorker(bench, hub));
    const workspace = join(bench.dir, `w${i}`);
    await mkdir(workspace);
    await time("add", () => addWorkspace(repository, { workspace, baseOid: bench.baseOid, withJobObjects: false, branchName: "slipway/work" }));
    await writeFile(join(workspace, "d1/new"), `x${i}`);
    await writeFile(join(workspace, "d1/f1"), `x${i}`);
    const run = await time("script+prepare", () => runCommitScript(bench, repository, workspace));
    if (run.exitCode) throw new Error(run.stderr);
    const taken = await time("take", () => takeOut(repository, run.out, bench.baseOid));
    if (taken.empty) throw new Error();
    await time("push", () => pushCommit(repository, hub, taken.oid, undefined, AbortSignal.timeout(10000)));
    await time("land", () => land(bench.root, { branch: `b${i}`, oldOid: null, newOid: taken.oid, jobRef: hub.pushRef }));
    await time("remove", () => removeWorkspace(repository, workspace));
  }
  for (const [k, v] of Object.entries(times)) console.log(k, "median", v.sort((a, b) => a - b)[7]?.toFixed(1), "min", v[0]?.toFixed(1));
});
