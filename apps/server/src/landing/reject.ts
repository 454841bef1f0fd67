import type { CompletionView, Failure } from "@slipway/protocol/job";
import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { announce } from "../jobs/announce.ts";
import { findCompletion } from "./hold.ts";
import { planRevision } from "./plan-revision.ts";

/**
 * Gives a completion up. Where its agent may revise the change, the job is queued for that in the same transaction; else it fails with this failure. A second
 * time, its answer having been lost, nothing happens.
 */
export async function rejectCompletion(plane: ControlPlane, id: string, fence: number, failure: Failure): Promise<CompletionView> {
  await plane.leaseClock.check();
  const known = await findCompletion(plane, id);
  const isOpen = known.state === "pending" && known.fence === fence;
  // The work that it takes must not cost the lease.
  if (isOpen) await plane.store.renewCompletion(id, fence, LEASE_TTL_MS);
  const plan = isOpen ? await planRevision(plane, known, failure) : ({ kind: "none" } as const);
  const told = plan.kind === "none" && plan.why !== undefined ? { ...failure, message: `${failure.message} ${plan.why}`.slice(0, 20_000) } : failure;
  const { completion, job } = await plane.store.rejectCompletion(id, fence, told, plan.kind === "revise" ? plan : undefined);
  announce(plane, job);
  plane.scheduleChanged();
  // The target is the next one's, also where the job is not over.
  plane.completionRoom.offerAny();
  plane.targetChanged(completion.repoId, completion.target);
  return completion;
}
