import { SlipwayError } from "@slipway/protocol/errors";
import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import type { CompletionRow } from "../store/store.ts";

/** The completion, if this fence still holds it; its lease then has its full time again. LEASE_LOST where it does not, TRAIN_FROZEN where its target was frozen. */
export async function holdCompletion(plane: ControlPlane, id: string, fence: number): Promise<CompletionRow> {
  await plane.leaseClock.check();
  const known = await findCompletion(plane, id);
  try {
    await plane.store.renewCompletion(id, fence, LEASE_TTL_MS);
  } catch (error) {
    throw (await frozenError(plane, known)) ?? error;
  }
  return known;
}

/** The completion, or NOT_FOUND. */
export async function findCompletion(plane: ControlPlane, id: string): Promise<CompletionRow> {
  const completion = await plane.store.getCompletion(id);
  if (!completion) throw new SlipwayError("NOT_FOUND", "There is no such completion.", { completion: id });
  return completion;
}

/** Freezing takes all leases of the target: whoever comes with one learns why. */
async function frozenError(plane: ControlPlane, { repoId, target, state }: CompletionRow): Promise<SlipwayError | undefined> {
  const frozen = state === "pending" ? (await plane.store.frozenTargets(repoId)).find((one) => one.target === target) : undefined;
  return frozen && new SlipwayError("TRAIN_FROZEN", `Nothing lands on ${target}: ${frozen.reason}`, { target, since: frozen.at });
}
