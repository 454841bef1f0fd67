import { readBranch } from "@slipway/git/hub";
import { toSlipwayError } from "@slipway/protocol/errors";
import { type LandingConfig, landingSchema } from "@slipway/protocol/landing";
import type { ControlPlane } from "../control-plane.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { readRepositoryConfig } from "../jobs/repository-config.ts";

interface Limit {
  readonly repoId: string;
  readonly target: string;
  readonly parallel: number;
}

/** How many completions the integrator may have in hand of each target that it has any of while more wait; one of all others. */
export async function trainLimits(plane: ControlPlane, integratorId: string): Promise<Limit[]> {
  const followed = await plane.store.followedTargets(integratorId);
  return await Promise.all(
    followed.map(async ({ repoId, target }) => {
      const oid = await readBranch(hubRoot(plane.folder, repoId), target);
      // A branch that its first change makes has no file of its own yet.
      const { parallel, batch } = oid === null ? { parallel: 1, batch: 1 } : (await landingConfig(plane, repoId, oid)).train;
      return { repoId, target, parallel: parallel * batch };
    }),
  );
}

/** What a commit's `.slipway.yaml` says about landing; the defaults where it cannot be read, as the gates are then what refuses the change. */
export async function landingConfig(plane: ControlPlane, repoId: string, oid: string): Promise<LandingConfig> {
  try {
    return (await readRepositoryConfig(hubRoot(plane.folder, repoId), oid)).landing;
  } catch (error) {
    if (toSlipwayError(error).code !== "INVALID_CONFIG") throw error;
    return landingSchema.parse({});
  }
}
