import { HUB_PATH } from "@slipway/protocol/endpoints";
import type { HubAccess } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "./hub-folder.ts";

/** Refs of attempts, of merges and of bases; below the first two `<job or completion>/<fence>`, below the last the commit itself. */
export const JOB_REFS = "refs/slipway/jobs/";
export const MERGE_REFS = "refs/slipway/merges/";
export const BASE_REFS = "refs/slipway/bases/";

/** Where a task attempt pushes its commit to; nothing happens by that alone, the fenced finish names the commit. */
export function jobRef(jobId: string, fence: number): string {
  return `${JOB_REFS}${jobId}/${fence}`;
}

/** Where an attempt pushes the changes that were sent back to its agent, each under its number. */
export function earlierRefs(jobId: string, fence: number): string {
  return `${JOB_REFS}${jobId}/changes/${fence}`;
}

/** What another job goes on from: below the refs of that one, with which it goes. */
export function continuedRef(jobId: string): string {
  return `${JOB_REFS}${jobId}/continued`;
}

/** What a person accepted of a job's work, to be landed by another one: below the refs of the first, with which it goes. */
export function acceptedRef(jobId: string, byJobId: string): string {
  return `${JOB_REFS}${jobId}/accepted-${byJobId}`;
}

/** Where an integrator pushes a merged commit to. */
export function mergeRef(completionId: string, fence: number): string {
  return `${MERGE_REFS}${completionId}/${fence}`;
}

export function upstreamUrl(baseUrl: string, repoId: string): string {
  return `${baseUrl}${HUB_PATH}/${repoId}/upstream.git`;
}

export function jobsUrl(baseUrl: string, repoId: string): string {
  return `${baseUrl}${HUB_PATH}/${repoId}/jobs.git`;
}

/** How one attempt, or one claim of a completion, reaches the hub. */
export function hubAccess(plane: ControlPlane, at: { baseUrl: string; repoId: string; credential: string; pushRef: string }): HubAccess {
  return {
    upstreamUrl: upstreamUrl(at.baseUrl, at.repoId),
    jobsUrl: jobsUrl(at.baseUrl, at.repoId),
    credential: at.credential,
    pushRef: at.pushRef,
    localPath: hubRoot(plane.folder, at.repoId),
    installationId: plane.store.installationId,
  };
}
