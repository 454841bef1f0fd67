import type { ControlPlane } from "../control-plane.ts";

/** Jobs asked of the store at once. */
const BATCH = 50;

/**
 * Removes artifacts and events of jobs that ended longer ago than `retentionMs`; their rows, attempts and receipts stay. Files first: a job is only marked
 * when nothing of it is left, so that what a crash cut off is done again. Answers how many jobs it was.
 */
export async function pruneJobData(plane: Pick<ControlPlane, "store" | "artifacts">, retentionMs: number, signal: AbortSignal): Promise<number> {
  for (let jobs = 0; ; ) {
    const ids = await plane.store.expiredJobs(retentionMs, BATCH);
    for (const id of ids) {
      if (signal.aborted) return jobs;
      await plane.artifacts.removeAll(id);
      if (await plane.store.dropJobData(id, retentionMs)) jobs += 1;
    }
    if (ids.length < BATCH) return jobs;
  }
}
