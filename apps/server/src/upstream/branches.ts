import { isAncestor } from "@slipway/git/hub";
import { aheadBehind, hubTips, type KeptTip, keptTips, type Tip, UPSTREAM_BEFORE, upstreamTips } from "@slipway/git/upstream";
import type { UpstreamBranch, UpstreamState } from "@slipway/protocol/upstream";

/** A branch of the hub, its commit at the address as that was last fetched, and what a rewritten history dropped of it there. */
export interface Pair {
  readonly branch: string;
  readonly hubOid: string;
  readonly upstreamOid: string | null;
  readonly dropped: readonly KeptTip[];
}

/** The branches of the hub beside those of the address. */
export async function pairs(root: string): Promise<Pair[]> {
  const [hub, upstream, kept] = await Promise.all([hubTips(root), upstreamTips(root), keptTips(root, UPSTREAM_BEFORE)]);
  const there = new Map(upstream.map(({ branch, oid }) => [branch, oid]));
  return hub.map(({ branch, oid }: Tip) => ({
    branch,
    hubOid: oid,
    upstreamOid: there.get(branch) ?? null,
    dropped: kept.filter((tip) => tip.branch === branch),
  }));
}

/** How a branch of the hub stands. What was dropped at the address and is in the hub's branch must not come back by a push: that is `rewritten`. */
export async function stateOf(root: string, { hubOid, upstreamOid, dropped }: Pair): Promise<UpstreamState> {
  if (hubOid === upstreamOid) return "equal";
  const isUpstreams = async (oid: string): Promise<boolean> => upstreamOid !== null && (await isAncestor(root, oid, upstreamOid));
  for (const { oid } of dropped) {
    if (await isUpstreams(oid)) continue;
    if (await isAncestor(root, oid, hubOid)) return "rewritten";
    if ((await isAncestor(root, hubOid, oid)) && !(await isUpstreams(hubOid))) return "rewritten";
  }
  if (upstreamOid === null || (await isAncestor(root, upstreamOid, hubOid))) return "ahead";
  return (await isUpstreams(hubOid)) ? "behind" : "diverged";
}

/** The same for people, with how many commits lie between. */
export async function describeBranch(root: string, pair: Pair): Promise<UpstreamBranch> {
  const { branch, hubOid, upstreamOid } = pair;
  return { branch, hubOid, upstreamOid, state: await stateOf(root, pair), ...(await aheadBehind(root, hubOid, upstreamOid)), mergeJob: null };
}
