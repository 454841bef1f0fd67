import { isAncestor } from "@slipway/git/hub";
import { pruneRefs, type StoredRef } from "@slipway/git/maintenance";
import { JOB_REFS, MERGE_REFS } from "../hub/hub-access.ts";
import type { Store } from "../store/store.ts";

/** What decides over refs. */
export interface RefRules {
  readonly store: Store;
  readonly retentionMs: number;
  /** Landed jobs whose own commit is known not to be on the target: it landed as another one, on top of what was there. That never changes. */
  readonly landedAnew: Set<string>;
}

/** Owners of refs that the store is asked of at once. */
const BATCH = 500;

/**
 * Deletes refs of attempts: of a final job whose own commit is on its target at once, of any other final job when it ended longer ago than the retention.
 * What is not known as a job of this installation stays. Answers how many were deleted.
 */
export async function pruneJobRefs(rules: RefRules, root: string): Promise<number> {
  return await pruneRefs(root, "jobs", JOB_REFS, async (refs) => await chosen(refs, async (ids) => await jobsGone(rules, root, ids)));
}

/** Deletes refs of merges whose completion has ended, and all its verify jobs with it: what landed is on its target, and the rest is wanted by nobody. */
export async function pruneMergeRefs({ store }: RefRules, root: string): Promise<number> {
  return await pruneRefs(root, "jobs", MERGE_REFS, async (refs) => await chosen(refs, async (ids) => new Set(await store.endedCompletions(ids))));
}

async function jobsGone(rules: RefRules, root: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  for (const job of await rules.store.hubJobs(ids, rules.retentionMs)) {
    if (!job.isExpired && !(await landedAsItIs(rules, root, job))) continue;
    gone.add(job.id);
    rules.landedAnew.delete(job.id);
  }
  return gone;
}

async function landedAsItIs(
  { landedAnew }: RefRules,
  root: string,
  { id, resultOid, landedOid }: { id: string; resultOid: string | null; landedOid: string | null },
): Promise<boolean> {
  if (resultOid === null || landedOid === null || landedAnew.has(id)) return false;
  // A target only ever moves forward, so what is below the landed commit stays on it.
  if (resultOid === landedOid || (await isAncestor(root, resultOid, landedOid))) return true;
  landedAnew.add(id);
  return false;
}

/** Of the refs, those whose owner is gone; `refs/slipway/<kind>/<owner>/<fence>`. */
async function chosen(refs: readonly StoredRef[], gone: (ids: readonly string[]) => Promise<ReadonlySet<string>>): Promise<StoredRef[]> {
  const owners = [...new Set(refs.map(ownerOf))];
  const result: StoredRef[] = [];
  for (let from = 0; from < owners.length; from += BATCH) {
    const ids = await gone(owners.slice(from, from + BATCH));
    result.push(...refs.filter((ref) => ids.has(ownerOf(ref))));
  }
  return result;
}

function ownerOf({ ref }: StoredRef): string {
  return ref.split("/")[3] ?? "";
}
