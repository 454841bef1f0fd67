import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { hubAccess, mergeRef } from "../hub/hub-access.ts";
import { findJob } from "../jobs/find-job.ts";
import { batchKey } from "../landing/batches.ts";
import { targetOid } from "../landing/target-oid.ts";
import { landingConfig, trainLimits } from "../landing/train-limits.ts";
import { claimCredential, sha256 } from "../secrets.ts";

/** Every integrator can take every completion. */
const ANY_COMPLETION = { kinds: ["completion"], capabilities: [] } as const;

/** Claims a completion for an integrator; waits until there is one, at most `waitMs`. The same claimId reads the same claim again. */
export async function claimCompletion(
  plane: ControlPlane,
  request: { claimId: string; integratorId: string; waitMs: number },
  baseUrl: string,
  signal: AbortSignal,
): Promise<ClaimedCompletion | null> {
  const credential = claimCredential(plane.credentialKey, { kind: "completion", claimId: request.claimId, owner: request.integratorId });
  const claim = { claimId: request.claimId, integratorId: request.integratorId, leaseTtlMs: LEASE_TTL_MS, credentialSha256: sha256(credential) };
  await plane.leaseClock.check();
  const attempt = async () => await plane.store.claimCompletion({ ...claim, limits: await trainLimits(plane, request.integratorId) });
  const taken = await plane.completionRoom.serve(ANY_COMPLETION, attempt, ({ completion }) => completion.jobId, { waitMs: request.waitMs, signal });
  if (!taken) return null;
  const { completion, fence, ttlMs, place } = taken;
  plane.events.changed(completion.jobId, "events");
  const job = await findJob(plane.store, completion.jobId);
  const onto = await targetOid(plane, completion, job);
  const { style, train } = await landingConfig(plane, completion.repoId, onto ?? completion.baseOid);
  const row = await plane.store.getCompletion(completion.id);
  return {
    completion,
    fence,
    ttlMs,
    job: { id: job.id, number: job.number, title: job.title, backend: job.backend, landing: job.landing },
    hub: hubAccess(plane, { baseUrl, repoId: completion.repoId, credential, pushRef: mergeRef(completion.id, fence) }),
    targetOid: onto,
    place,
    // Another style would make other commits of theirs, and the address would still have what the hub has not.
    style: row?.isForeign ? "merge" : style,
    train: { parallel: train.parallel, batch: train.batch },
    batchKey: row && train.batch > 1 ? await batchKey(plane, row) : null,
  };
}
