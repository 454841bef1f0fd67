import type { Client } from "@slipway/protocol/client";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ClaimedCompletion, LandRequest } from "@slipway/protocol/integrator-api";
import { insistOnServer } from "./insist.ts";

/** A merged commit, what it was merged onto, and the changes that it brings beside its own. */
export type Merged = LandRequest;

/**
 * Asks the server to move the target to the merged commit. `stale`: the target moved, or a receipt is missing after all, and the way starts again
 * from the merge. Calling again after a lost answer is harmless: the server lands a completion once.
 */
export async function land(client: Client, claimed: ClaimedCompletion, merged: Merged, signal: AbortSignal): Promise<"landed" | "stale"> {
  const params = { completion: claimed.completion.id, fence: claimed.fence };
  try {
    await insistOnServer(() => client.call("landCompletion", { params, body: merged, signal }), signal);
    return "landed";
  } catch (error) {
    if (error instanceof SlipwayError && (error.code === "TARGET_MOVED" || error.code === "RECEIPT_MISSING")) return "stale";
    throw error;
  }
}

/** The target's commit now; null where the branch does not exist. */
export async function readTarget(client: Client, claimed: ClaimedCompletion, signal: AbortSignal): Promise<string | null> {
  const { repoId, target } = claimed.completion;
  const { oid } = await insistOnServer(() => client.call("getBranch", { params: { repo: repoId }, query: { branch: target }, signal }), signal);
  return oid;
}
