import { withLock } from "@slipway/git/lock";
import { fetchUpstream, keepTips, notePushed, pushUpstream, replaceBranch, UPSTREAM_BEFORE } from "@slipway/git/upstream";
import { SlipwayError } from "@slipway/protocol/errors";
import type { UpstreamBranch } from "@slipway/protocol/upstream";
import { hubRoot } from "../hub/hub-folder.ts";
import type { RepositoryRow } from "../store/store.ts";
import { upstreamAccess } from "./access.ts";
import { describeBranch, type Pair, pairs } from "./branches.ts";
import type { SyncPlane } from "./sync.ts";

/**
 * Decides over a branch by a person's word. `upstream`: the hub's branch becomes what the address has; `hub`: the other way round, by a push with lease on
 * what was last seen there. What gives way is kept under a ref. CONFLICT where the branch needs no decision, or moved meanwhile; NOT_FOUND; the codes of
 * `fetchUpstream` and `pushUpstream`.
 */
export async function resolveUpstream(
  plane: SyncPlane,
  repository: RepositoryRow,
  { branch, take }: { readonly branch: string; readonly take: "upstream" | "hub" },
  signal: AbortSignal,
): Promise<UpstreamBranch> {
  const { url } = repository;
  if (url === null) throw new SlipwayError("CONFLICT", `The repository ${repository.name} has no address of its own.`, { hint: "There is nothing to decide." });
  const root = hubRoot(plane.folder, repository.id);
  await withLock(
    `upstream ${repository.id}`,
    async () => {
      const access = await upstreamAccess(plane, repository);
      const pair = await find(root, branch);
      const { state } = await describeBranch(root, pair);
      if (state !== "diverged" && state !== "rewritten") {
        const hint = state === "equal" ? "They are equal." : `\`slipway repos sync ${repository.name}\` brings them together where the rules allow it.`;
        throw new SlipwayError("CONFLICT", `Over ${branch} there is nothing to decide: it is ${state}.`, { branch, state, hint });
      }
      const at = Date.now();
      if (take === "upstream") {
        const toOid = pair.upstreamOid;
        if (toOid === null)
          throw new SlipwayError("CONFLICT", `The address has no branch ${branch} any more.`, { branch, hint: "Take the hub's: --take hub." });
        if (await replaceBranch(root, { branch, fromOid: pair.hubOid, toOid, at })) return;
        throw moved(branch, "the hub");
      }
      if (pair.upstreamOid !== null) await keepTips(root, UPSTREAM_BEFORE, [{ branch, oid: pair.upstreamOid }], at);
      const push = { branch, newOid: pair.hubOid, expectedOid: pair.upstreamOid };
      if ((await pushUpstream(root, url, push, signal, access)) === "moved") throw moved(branch, "its address");
      await notePushed(root, branch, pair.hubOid);
      await fetchUpstream(root, url, signal, access);
    },
    signal,
  );
  return await describeBranch(root, await find(root, branch));
}

async function find(root: string, branch: string): Promise<Pair> {
  const pair = (await pairs(root)).find((one) => one.branch === branch);
  if (pair) return pair;
  throw new SlipwayError("NOT_FOUND", `The hub has no branch ${branch}.`, { branch, hint: "`slipway repos show NAME` lists those that wait for a decision." });
}

function moved(branch: string, where: string): SlipwayError {
  return new SlipwayError("CONFLICT", `${branch} moved at ${where} meanwhile.`, {
    branch,
    hint: "Sync with `slipway repos sync NAME`, look again, then decide.",
  });
}
