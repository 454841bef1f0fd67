import { foreseenOnHub, mergeBase } from "@slipway/git/hub-merges";
import { newId } from "@slipway/protocol/scalars";
import { isFinal } from "@slipway/protocol/states";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { announce } from "../jobs/announce.ts";
import type { NewJob, RepositoryRow } from "../store/store.ts";
import type { Pair } from "./branches.ts";

const DAY_MS = 86_400_000;

/**
 * Has the commits of the address merged into the hub's branch by a job of its own, which is verified and lands like any other: `merging` while it is at work.
 * `waits` where git cannot merge them, or where such a job for these commits ended: then a person decides.
 */
export async function mergeDiverged(
  plane: ControlPlane,
  repository: RepositoryRow,
  { branch, hubOid, upstreamOid }: Pair,
  signal: AbortSignal,
): Promise<"merging" | "waits"> {
  if (upstreamOid === null) return "waits";
  const known = await plane.store.findForeign(repository.id, branch, upstreamOid);
  if (known) return isFinal(known.state) ? "waits" : "merging";
  const root = hubRoot(plane.folder, repository.id);
  const baseOid = await mergeBase(root, hubOid, upstreamOid);
  // Histories that have nothing in common are no two sides of one branch.
  if (baseOid === null || (await foreseenOnHub(root, hubOid, upstreamOid, signal)).length > 0) return "waits";
  const { job, created } = await plane.store.mergeForeign(upstreamOid, newMergeJob(repository.id, branch, baseOid, upstreamOid));
  if (created) {
    plane.log.info({ repository: repository.name, branch, hubOid, upstreamOid, job: job.number }, "a branch that diverged is merged by a job");
    announce(plane, job);
    plane.targetChanged(repository.id, branch);
  }
  return isFinal(job.state) ? "waits" : "merging";
}

/** No agent works on it: it is on its way to its target from the beginning. */
function newMergeJob(repoId: string, branch: string, baseOid: string, upstreamOid: string): NewJob {
  return {
    id: newId(),
    kind: "task",
    repoId,
    task: `Merge ${upstreamOid}, which others pushed to ${branch} at the repository's address, into the hub's ${branch}.`,
    title: `Merge ${branch} of the repository's address`,
    backend: "merge",
    backendConfig: {},
    baseOid,
    target: branch,
    lane: "interactive",
    priority: 0,
    runAfter: null,
    dependsOn: [],
    dedupeKey: null,
    requires: [],
    maxAttempts: 1,
    budget: {},
    timeoutMs: DAY_MS,
    stallMs: DAY_MS,
    queueTimeoutMs: DAY_MS,
    retryOf: null,
    completionId: null,
  };
}
