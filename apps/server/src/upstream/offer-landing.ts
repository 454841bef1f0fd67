import { isAncestor, readBranch } from "@slipway/git/hub";
import { pushUpstream, putOut, takenOut, upstreamTips } from "@slipway/git/upstream";
import { toSlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import type { Merged } from "../landing/verify.ts";
import type { CompletionRow, RepositoryRow } from "../store/store.ts";
import { upstreamAccess } from "./access.ts";
import { pairs, stateOf } from "./branches.ts";
import { noteFailure, syncUpstream } from "./sync.ts";

/** How long a landing waits for the repository's address, in ms; what takes longer lands on the hub, and is pushed later. */
const OFFER_LIMIT_MS = 30_000;

/**
 * How an offer ended. `pushed`: the address has the commit. `moved`: somebody pushed there first, and the hub has followed: the change is to be merged anew.
 * `later`: the address did not take it for another reason; the landing goes on and is pushed by a later sync. `none`: nothing is pushed for this repository.
 */
export type Offer = "pushed" | "moved" | "later" | "none";

/**
 * Before a landing moves the hub's branch, it is offered to the repository's own address, with a lease on what that had: so a push of somebody else in
 * between is found before anything has landed, and hub and address do not part.
 */
export async function offerLanding(plane: ControlPlane, { repoId, target }: CompletionRow, merged: Merged): Promise<Offer> {
  const repository = await plane.store.getRepository(repoId);
  if (!repository || repository.url === null || repository.upstream.push !== "landed") return "none";
  const root = hubRoot(plane.folder, repoId);
  const limit = AbortSignal.any([plane.closing, AbortSignal.timeout(OFFER_LIMIT_MS)]);
  try {
    return await offer(plane, { ...repository, url: repository.url }, root, { target, merged }, limit);
  } catch (error) {
    plane.log.warn({ err: error, repository: repository.name, branch: target }, "a landing could not be pushed to the repository's address yet");
    const failure = limit.aborted ? toSlipwayError(limit.reason, "REPOSITORY_UNREACHABLE") : error;
    await noteFailure(plane, repository, failure);
    plane.upstreamChanged();
    return "later";
  }
}

async function offer(
  plane: ControlPlane,
  repository: RepositoryRow & { readonly url: string },
  root: string,
  { target, merged }: { readonly target: string; readonly merged: Merged },
  signal: AbortSignal,
): Promise<Offer> {
  const expectedOid = (await upstreamTips(root)).find(({ branch }) => branch === target)?.oid ?? null;
  if (expectedOid === null) await putOut(root, target, merged.mergedOid);
  const pair = (await pairs(root)).find(({ branch }) => branch === target);
  const state = pair ? await stateOf(root, pair) : "ahead";
  // A person decides over such a branch; nothing that was dropped there comes back by a push.
  if (state === "rewritten" || (expectedOid !== null && !(await isAncestor(root, expectedOid, merged.mergedOid)))) return "later";
  const access = await upstreamAccess(plane, repository);
  const push = { branch: target, newOid: merged.mergedOid, expectedOid };
  if ((await pushUpstream(root, repository.url, push, signal, access)) === "pushed") {
    await takenOut(root, target);
    return "pushed";
  }
  await syncUpstream(plane, repository, signal);
  return (await readBranch(root, target)) === merged.expectedOld ? "later" : "moved";
}
