/**
 * Workspaces of repositories of many shapes, against `git worktree add` in the same run: how long each step takes, and whether the files are the same.
 * Takes minutes, and so is no part of the bench or of CI: `node scripts/bench/workspace-matrix.ts [--kind overlay] [--folder DIR] [--shape NAME]`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { WORKSPACE_KINDS, type WorkspaceKind } from "@slipway/protocol/workspace-kind";
import { execa } from "execa";
import { treeSnapshot } from "../../tests/support/tree-snapshot.ts";
import { BigRepository, type Shape } from "./big-repository.ts";
import { quantile } from "./figures.ts";
import { statusMs, WorkspaceYard } from "./workspace-yard.ts";

const SHAPES: Readonly<Record<string, Shape>> = {
  "50,000 files": { files: 50_000 },
  "200,000 files": { files: 200_000 },
  "20,000 files, 20 folders deep": { files: 20_000, depth: 20 },
  "2,000 files and 25 of 8 MiB": { files: 2_000, bigFiles: 25 },
};
const ROUNDS = 5;

const { values } = parseArgs({
  options: { kind: { type: "string", multiple: true, default: ["overlay"] }, folder: { type: "string", default: tmpdir() }, shape: { type: "string" } },
});

for (const [name, shape] of Object.entries(SHAPES)) {
  if (values.shape !== undefined && values.shape !== name) continue;
  for (const kind of WORKSPACE_KINDS) if (values.kind.includes(kind)) console.log(JSON.stringify({ shape: name, kind, ...(await measure(shape, kind)) }));
}

/** All times in ms; the medians of what is done more than once. */
async function measure(shape: Shape, kind: WorkspaceKind): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(values.folder, "slipway-matrix-"));
  try {
    const repository = await BigRepository.make(folder, shape);
    const oid = await repository.commit();
    await using yard = await WorkspaceYard.open(folder, repository.hub, kind);
    const worktreeAdd = await yard.worktreeAdd(oid);
    const first = await yard.add(oid);
    await yard.bases.settled();
    const again: number[] = [];
    const removal: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { name, tookMs } = await yard.add(oid);
      again.push(tookMs);
      removal.push(await yard.remove(name));
    }
    const { name, workspace } = await yard.add(oid);
    const ownMiB = await yard.ownMiB(name);
    const firstStatus = await statusMs(workspace);
    const laterStatus = await statusMs(workspace);
    const landing = await yard.add(await repository.commit([1, 77, 1_000, 1_999]));
    await expectSame(repository.hub, landing.workspace, join(folder, "same"));
    const medians = { again: quantile(again, 0.5), removal: quantile(removal, 0.5) };
    const times = { worktreeAdd, first: first.tookMs, ...medians, timesFaster: worktreeAdd / medians.again, firstStatus, laterStatus, landing: landing.tookMs };
    return { ...Object.fromEntries(Object.entries(times).map(([key, value]) => [key, Math.round(value)])), ownMiB: Math.round(ownMiB * 100) / 100 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Throws where the workspace has another file than a worktree of the newest commit. */
async function expectSame(hub: string, workspace: string, worktree: string): Promise<void> {
  await execa("git", ["-C", join(hub, "upstream.git"), "worktree", "add", "-q", "--detach", worktree, "refs/upstream/main"]);
  if (!isDeepStrictEqual(await treeSnapshot(workspace), await treeSnapshot(worktree))) throw new Error(`${workspace} is not what ${worktree} is`);
  await statusMs(workspace);
}
