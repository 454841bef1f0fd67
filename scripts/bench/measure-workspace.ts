import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BigRepository } from "./big-repository.ts";
import { type Figure, figure, quantile } from "./figures.ts";
import { statusMs, WorkspaceYard } from "./workspace-yard.ts";

const FILES = 50_000;
const QUICK_FILES = 5_000;
const ROUNDS = 20;
const LANDINGS = 5;
const BAR_ROUNDS = 3;
/** Files that a landing changes. */
const CHANGED = Array.from({ length: 20 }, (_, index) => index * 137);

/** A workspace of the best kind that works here, of many files, against what git does in the same run; and the first one after a landing. */
export async function measureWorkspace(quick: boolean): Promise<Figure[]> {
  const files = quick ? QUICK_FILES : FILES;
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-workspace-"));
  try {
    const repository = await BigRepository.make(folder, { files });
    const oid = await repository.commit();
    await using yard = await WorkspaceYard.open(folder, repository.hub, "auto");
    const bar: number[] = [];
    for (let round = 0; round < BAR_ROUNDS; round += 1) bar.push(await yard.worktreeAdd(oid));
    const first = await yard.add(oid);
    await yard.bases.settled();
    const [ready, removal, ownMiB]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { name, tookMs } = await yard.add(oid);
      ready.push(tookMs);
      ownMiB.push(await yard.ownMiB(name));
      removal.push(await yard.remove(name));
    }
    const status: number[] = [];
    for (let round = 0; round < 3; round += 1) status.push(await statusMs(first.workspace));
    const landings: number[] = [];
    for (let round = 0; round < LANDINGS; round += 1) {
      const { name, tookMs } = await yard.add(await repository.commit(CHANGED.filter((index) => index < files)));
      landings.push(tookMs);
      await yard.remove(name);
    }
    const what = `${files / 1_000},000 files`;
    const kind = `workspaces here are made by ${yard.kind}`;
    const times = quantile(bar, 0.5) / quantile(ready, 0.5);
    return [
      figure(`workspace of ${what}`, "ms", ready, { of: "median", limit: 100, side: "below" }, kind),
      figure("git worktree add, same store and run", "ms", bar),
      figure("workspace: how many times faster", "×", [times], { of: "median", limit: 50, side: "above" }),
      figure("workspace: its own room on the disk", "MiB", ownMiB, { of: "median", limit: 1.9, side: "below" }),
      figure("workspace: the first one of a base", "ms", [first.tookMs], undefined, "with the checkout that all later ones share"),
      figure("workspace: the first one after a landing", "ms", landings, { of: "median", limit: 400, side: "below" }, `${CHANGED.length} files changed`),
      figure("workspace: git status in it", "ms", status),
      figure("workspace: removal", "ms", removal),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
