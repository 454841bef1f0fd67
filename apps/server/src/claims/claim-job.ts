import type { Claim, ClaimRequest } from "@slipway/protocol/worker-api";
import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { hubAccess, jobRef } from "../hub/hub-access.ts";
import { announceEvents } from "../jobs/announce.ts";
import { absentAgents } from "../routing/agents.ts";
import { imagesOf } from "../routing/places.ts";
import { claimCredential, modelToken, sha256 } from "../secrets.ts";

/**
 * Claims a job for a worker's slot; waits until there is one, at most `waitMs`. The same claimId reads the same claim again, so that a lost answer
 * costs nothing; the git credential and the model token in the answer are the same each time.
 */
export async function claimJob(plane: ControlPlane, request: ClaimRequest, baseUrl: string, signal: AbortSignal): Promise<Claim | null> {
  const credential = claimCredential(plane.credentialKey, { kind: "job", claimId: request.claimId, owner: request.workerId });
  const token = modelToken(plane.credentialKey, { claimId: request.claimId, owner: request.workerId });
  const { capabilities, programSettings } = await plane.workers.get(request.workerId);
  const worker = { id: request.workerId };
  const attempt = async () => {
    // Read at each try: the worker may have been told to drain while it waited. A claim of before is still read again.
    const { draining, cordoned, meteredBackends, backends, programSettings } = await plane.workers.get(request.workerId);
    return await plane.store.claim({
      claimId: request.claimId,
      workerId: request.workerId,
      kinds: draining || cordoned ? [] : request.kinds,
      capabilities: [...capabilities],
      leaseTtlMs: LEASE_TTL_MS,
      credentialSha256: sha256(credential),
      modelTokenSha256: sha256(token),
      meteredBackends: [...meteredBackends],
      images: imagesOf(worker, backends, plane.signals),
      dayBudget: plane.dayBudget,
      absentAgents: absentAgents(worker, programSettings, plane.signals),
    });
  };
  await plane.leaseClock.check();
  // One that is cordoned waits for nothing, so that no offer is lost on it. Looked at last: who lifts it sends home whoever waits by then.
  const { cordoned } = await plane.workers.get(request.workerId);
  const wants = { kinds: cordoned ? [] : request.kinds, capabilities, absent: absentAgents(worker, programSettings, plane.signals) };
  const taken = await plane.jobRoom.serve(wants, attempt, ({ job }) => job.id, { waitMs: request.waitMs, signal, owner: request.workerId });
  if (!taken) return null;
  const { job, fence, ttlMs, verify } = taken;
  announceEvents(plane, job);
  const hub = hubAccess(plane, { baseUrl, repoId: job.repo.id, credential, pushRef: jobRef(job.id, fence) });
  return { job, fence, claimId: request.claimId, ttlMs, hub, model: job.kind === "task" ? { token } : null, verify };
}
