import { mergeOnto } from "@slipway/git/merge";
import { fetchCommit, openWorkerRepository, pushCommit } from "@slipway/git/repository";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import { insistOnHub } from "./insist.ts";

export type Merge = { readonly kind: "merged"; readonly oid: string } | { readonly kind: "conflict"; readonly paths: readonly string[] };

const COMMITTER = { name: "Slipway", email: "slipway@localhost" };

/**
 * Brings the job's commit onto the target's commit (onto its own base, where the target does not exist yet) and pushes the merged commit to the
 * hub, where it is inert. The same commit onto the same target gives the same merged commit again, so that a restarted integrator goes on with
 * the verify job that there is already.
 */
export async function mergeOntoTarget(
  claimed: ClaimedCompletion,
  at: { readonly targetOid: string | null; readonly folder: string; readonly signal: AbortSignal },
): Promise<Merge> {
  const { completion, hub } = claimed;
  const { signal } = at;
  const ontoOid = at.targetOid ?? completion.baseOid;
  return await insistOnHub(async () => {
    const repository = await openWorkerRepository(at.folder, hub, signal);
    await fetchCommit(repository, hub, ontoOid, "upstream", signal);
    await fetchCommit(repository, hub, completion.oid, "jobs", signal);
    const merged = await mergeOnto(repository, {
      commitOid: completion.oid,
      baseOid: completion.baseOid,
      ontoOid,
      committer: { ...COMMITTER, date: `@${Math.floor(completion.createdAt / 1_000)} +0000` },
    });
    if (merged.kind === "conflict") return merged;
    // The plus of git's refspecs: a merge that was made again replaces the one before, which is on another line. The ref is this claim's alone.
    await pushCommit(repository, hub, `+${merged.oid}`, hub.pushRef, signal);
    return { kind: "merged", oid: merged.oid };
  }, signal);
}
