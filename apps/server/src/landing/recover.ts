import { isAncestor, land, readBranch } from "@slipway/git/hub";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ControlPlane } from "../control-plane.ts";
import { mergeRef } from "../hub/hub-access.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import type { Store } from "../store/store.ts";
import { markLanded } from "./land.ts";

type Intent = Awaited<ReturnType<Store["openIntents"]>>[number];

/**
 * Finishes the landings that a crash, or a failure between two steps, cut off: at start before anybody can claim, then in each round of the reaper.
 * The target contains the new commit: done, only the mark was missing. It is still the old one: the move is made now. Anything else: nothing landed,
 * the intent is taken back and the completion is merged again.
 */
export async function recoverLandings(plane: ControlPlane): Promise<void> {
  for (const intent of await plane.store.openIntents()) {
    if (plane.landing.has(intent.completionId)) continue;
    try {
      await recoverOne(plane, intent);
    } catch (error) {
      // The intent stays written and is looked at again; the other repositories need the server meanwhile.
      plane.log.error({ err: error, ...intent }, "a landing could not be recovered yet");
    }
  }
}

async function recoverOne(plane: ControlPlane, intent: Intent): Promise<void> {
  const root = hubRoot(plane.folder, intent.repoId);
  const now = await readBranch(root, intent.target);
  if ((now !== null && (await contains(root, now, intent.newOid))) || (now === intent.oldOid && (await redo(plane, root, intent)))) {
    await markLanded(plane, intent.completionId);
    plane.log.info({ ...intent, now }, "a landing that was cut off is finished");
    return;
  }
  const completion = await plane.store.getCompletion(intent.completionId);
  if (completion) await plane.store.withdrawLanding(intent.completionId, completion.fence);
  plane.completionRoom.offerAny();
  plane.log.warn({ ...intent, now }, "a landing that was cut off is taken back: its target moved");
}

async function contains(root: string, oid: string, ancestorOid: string): Promise<boolean> {
  try {
    return await isAncestor(root, ancestorOid, oid);
  } catch (error) {
    // A commit that the hub does not even have is in no branch.
    if (error instanceof SlipwayError && error.code === "BASE_NOT_FOUND") return false;
    throw error;
  }
}

/** A move that git refuses now will be refused again: the completion then goes back to be merged anew, or given up. */
async function redo(plane: ControlPlane, root: string, { completionId, target, oldOid, newOid }: Intent): Promise<boolean> {
  const fence = (await plane.store.getCompletion(completionId))?.fence ?? 1;
  try {
    return (await land(root, { branch: target, oldOid, newOid, jobRef: mergeRef(completionId, fence) })) === "landed";
  } catch (error) {
    plane.log.warn({ err: error, completionId, target }, "the move of a landing failed again");
    return (await readBranch(root, target)) === newOid;
  }
}
