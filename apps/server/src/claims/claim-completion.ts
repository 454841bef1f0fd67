import { fastForwardBranch, readBranch, resolveCommit } from "@slipway/git/hub";
import { readUpstreamBranch } from "@slipway/git/push-branch";
import { SlipwayError } from "@slipway/protocol/errors";
import type { ClaimedCompletion } from "@slipway/protocol/integrator-api";
import type { CompletionView, JobView } from "@slipway/protocol/job";
import { LEASE_TTL_MS } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { hubAccess, mergeRef } from "../hub/hub-access.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { findJob } from "../jobs/find-job.ts";
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
  return {
    completion,
    fence,
    ttlMs,
    job: { id: job.id, number: job.number, title: job.title, backend: job.backend, landing: job.landing },
    hub: hubAccess(plane, { baseUrl, repoId: completion.repoId, credential, pushRef: mergeRef(completion.id, fence) }),
    targetOid: onto,
    place,
    style: (await landingConfig(plane, completion.repoId, onto ?? completion.baseOid)).style,
  };
}

/**
 * The target's commit. A target that so far exists at the repository's own address only (refs/upstream) starts in the hub where it stands there:
 * a landing must not begin beside it.
 */
async function targetOid(plane: ControlPlane, { repoId, target }: CompletionView, { landing }: JobView): Promise<string | null> {
  const root = hubRoot(plane.folder, repoId);
  // What goes to the repository's address has to fit what is there, and moves no branch of the hub.
  const there = landing === "pr" || landing === "branch" ? await readUpstreamBranch(root, target) : null;
  if (there !== null) return there;
  const oid = await readBranch(root, target);
  if (oid !== null || /^[0-9a-f]{4,64}$/.test(target)) return oid;
  const upstream = await resolveCommit(root, target).catch((error: unknown) => {
    if (error instanceof SlipwayError && error.code === "BASE_NOT_FOUND") return null;
    throw error;
  });
  if (upstream !== null) await fastForwardBranch(root, target, upstream);
  return upstream;
}
