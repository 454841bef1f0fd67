import { runGit } from "../exec.ts";
import type { WorkerRepository } from "../repository.ts";
import type { Base } from "./base.ts";

/** More listing than this is no small difference. */
const CHANGES_LIMIT_BYTES = 4 * 1024 ** 2;

/** The one of some bases that differs least from a tree, and not in more than half of its files; the flatter one of two that are equally near. */
export async function nearestBase(repository: WorkerRepository, tree: string, candidates: readonly Base[], signal: AbortSignal): Promise<Base | undefined> {
  const counted = await Promise.all(candidates.map(async (base) => ({ base, changes: await countChanges(repository, base.tree, tree, signal) })));
  const [best] = counted.toSorted((a, b) => a.changes - b.changes || a.base.depth - b.base.depth);
  return best && best.changes * 2 <= best.base.files ? best.base : undefined;
}

/** How many paths differ; infinitely many where that cannot be said. */
async function countChanges(repository: WorkerRepository, from: string, to: string, signal: AbortSignal): Promise<number> {
  try {
    const args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", from, to];
    const { stdout } = await runGit(args, { gitDir: repository.jobsGit, signal, maxBuffer: CHANGES_LIMIT_BYTES });
    return stdout.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  } catch {
    // Such as where the older tree is gone: then nothing is near it.
    signal.throwIfAborted();
    return Number.POSITIVE_INFINITY;
  }
}
