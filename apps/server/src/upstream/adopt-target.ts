import { fastForwardBranch, readBranch } from "@slipway/git/hub";
import { upstreamTips } from "@slipway/git/upstream";
import { SlipwayError } from "@slipway/protocol/errors";

/**
 * Has the hub's branch of a job's target begin where the address has it. Without this a first landing would make the branch from the job's base, beside
 * what the address has under that name. One that the hub has stays.
 */
export async function adoptTarget(root: string, target: string): Promise<void> {
  if ((await readBranch(root, target)) !== null) return;
  const there = (await upstreamTips(root)).find(({ branch }) => branch === target);
  if (!there) return;
  try {
    await fastForwardBranch(root, target, there.oid);
  } catch (error) {
    // A landing made it meanwhile.
    if (!(error instanceof SlipwayError) || error.code !== "CONFLICT") throw error;
  }
}
