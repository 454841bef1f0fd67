import { hasCommit } from "@slipway/git/hub";
import { keepCommit } from "@slipway/git/push-branch";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobView } from "@slipway/protocol/job";
import type { ControlPlane } from "../control-plane.ts";
import { continuedRef } from "../hub/hub-access.ts";
import { hubRoot } from "../hub/hub-folder.ts";

/**
 * Names the work that a job goes on from with a ref of that job: the one that it is from may be pruned before a worker comes to fetch it. `job`: whose `continues` the
 * new job `id` has. NOT_FOUND where the hub no longer has it.
 */
export async function keepContinued(plane: ControlPlane, { continues, repo }: Pick<JobView, "continues" | "repo">, id: string): Promise<void> {
  if (!continues?.work) return;
  const { oid } = continues.work;
  const root = hubRoot(plane.folder, repo.id);
  if (!(await hasCommit(root, oid)))
    throw new SlipwayError("NOT_FOUND", `The change of job ${continues.number} is no longer on the hub.`, {
      job: continues.jobId,
      oid,
      hint: `The hub keeps it for a while after the job's end. Do the task again: \`slipway retry ${continues.number}\`.`,
    });
  await keepCommit(root, continuedRef(id), oid);
}
