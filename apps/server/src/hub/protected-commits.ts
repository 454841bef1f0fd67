import { isAncestor } from "@slipway/git/hub";
import { branchTips, isOnBranch } from "@slipway/git/protected";
import type { ProtectedCommits } from "@slipway/protocol/worker-api";
import type { ControlPlane } from "../control-plane.ts";
import { findJob, findRepository } from "../jobs/find-job.ts";
import { hubRoot } from "./hub-folder.ts";

/**
 * The commits that no agent alone has made: those that the repository's default branch has. A repository without an address may have no such branch on the
 * hub; there a base is what a person pushed from a checkout, unless it is what some job has landed. NOT_FOUND.
 */
export async function protectedCommits(plane: ControlPlane, jobId: string): Promise<ProtectedCommits> {
  const { baseOid, repo } = await findJob(plane.store, jobId);
  const { url, defaultBranch } = await findRepository(plane.store, repo.id);
  const root = hubRoot(plane.folder, repo.id);
  const tips = await branchTips(root, defaultBranch);
  for (const tip of tips) if (await isAncestor(root, baseOid, tip)) return { base: true, tips };
  return { base: url === null && !(await isOnBranch(root, baseOid)), tips };
}
