import { isAncestor, readBranch } from "@slipway/git/hub";
import { pruneRefs } from "@slipway/git/maintenance";
import { HUB_BEFORE, keptTips, UPSTREAM_BEFORE, upstreamTips } from "@slipway/git/upstream";

/**
 * Deletes refs of commits that a rewritten history, or a person's word, took off a branch longer ago than the retention. One that the hub's branch still has
 * and its address has not stays: it is what tells that a person has to decide. Answers how many were deleted.
 */
export async function pruneKeptTips(root: string, retentionMs: number): Promise<number> {
  const before = Date.now() - retentionMs;
  const there = new Map((await upstreamTips(root)).map(({ branch, oid }) => [branch, oid]));
  let gone = 0;
  for (const prefix of [UPSTREAM_BEFORE, HUB_BEFORE]) {
    const old = (await keptTips(root, prefix)).filter(({ at }) => at < before);
    const refs = new Set<string>();
    for (const { ref, branch, oid } of old) {
      const hubOid = prefix === UPSTREAM_BEFORE ? await readBranch(root, branch) : null;
      if (hubOid === null || hubOid === there.get(branch) || !(await isAncestor(root, oid, hubOid))) refs.add(ref);
    }
    if (refs.size > 0) gone += await pruneRefs(root, "upstream", `${prefix}/`, (all) => all.filter(({ ref }) => refs.has(ref)));
  }
  return gone;
}
