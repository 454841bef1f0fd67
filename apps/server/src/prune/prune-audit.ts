import type { Store } from "../store/store.ts";

/** Rows removed at once, so that claims and renewals do not wait for a long one. */
const BATCH = 1_000;

/** Removes rows of the audit that are older than `retentionMs`; answers how many. */
export async function pruneAudit(store: Pick<Store, "pruneAudit">, retentionMs: number, signal: AbortSignal): Promise<number> {
  for (let rows = 0; ; ) {
    const removed = await store.pruneAudit(retentionMs, BATCH);
    rows += removed;
    if (removed < BATCH || signal.aborted) return rows;
  }
}
