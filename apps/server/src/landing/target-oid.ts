import { fastForwardBranch, readBranch, resolveCommit } from "@slipway/git/hub";
import { readUpstreamBranch } from "@slipway/git/push-branch";
import { SlipwayError } from "@slipway/protocol/errors";
import type { CompletionView, JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";

/**
 * The target's commit. A target that so far exists at the repository's own address only (refs/upstream) starts in the hub where it stands there:
 * a landing must not begin beside it.
 */
export async function targetOid(
  plane: ControlPlane,
  { repoId, target }: Pick<CompletionView, "repoId" | "target">,
  { landing }: Pick<JobView, "landing">,
): Promise<string | null> {
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
