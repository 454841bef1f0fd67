import { readBranch } from "@slipway/git/hub";
import { fetchBranch, readUpstreamBranch } from "@slipway/git/push-branch";
import { SlipwayError } from "@slipway/protocol/errors";
import type { JobDetail, JobView } from "@slipway/protocol/job";
import type { LandingMode } from "@slipway/protocol/landing-modes";
import type { ControlPlane } from "../control-plane.ts";
import { madeOn } from "../evidence/artifacts.ts";
import { hubRoot } from "../hub/hub-folder.ts";
import { hasOtherRules } from "../landing/delivery/rules.ts";
import { wayTo } from "../landing/delivery/way.ts";
import { findRepository } from "./find-job.ts";
import { resolveBase } from "./resolve-base.ts";

/** Where a job that goes on from another one's change begins, and where it goes. */
export interface RevisionStart {
  readonly baseOid: string;
  readonly target: string;
  readonly landing: LandingMode;
  /** The job whose branch it goes to. */
  readonly revises: string | null;
  /** Whether the change has to be brought into the workspace: the base has not got it. */
  readonly work: boolean;
}

/**
 * What landed is on its target, what is on a branch of the repository's address is there, and with it what people pushed since; everything else goes on from the commit that
 * was looked at, on the base that it was made on.
 */
export async function startOfRevision(plane: ControlPlane, { job }: JobDetail, oid: string, signal: AbortSignal): Promise<RevisionStart> {
  const root = hubRoot(plane.folder, job.repo.id);
  const { target, landing } = job;
  if (job.landedOid !== null) return { baseOid: (await readBranch(root, target)) ?? job.landedOid, target, landing, revises: null, work: false };
  const delivered = job.state === "done" && job.delivery?.state === "delivered" ? job.delivery : null;
  if (delivered) {
    const { pullRequest } = delivered;
    if (pullRequest?.state === "merged") return await onTarget(plane, job, signal);
    if (pullRequest?.state !== "closed") {
      const baseOid = await branchTip(plane, job, delivered, signal);
      if (baseOid !== null) return { baseOid, target, landing: delivered.mode, revises: job.id, work: false };
    }
  }
  const baseOid = await madeOn(root, job, oid);
  await resolveBase(plane, await findRepository(plane.store, job.repo.id), baseOid, signal);
  return { baseOid, target, landing, revises: null, work: true };
}

/** Merged on the git host: the target has it, as far as that is fetched. */
async function onTarget(plane: ControlPlane, { repo, target, landing }: JobView, signal: AbortSignal): Promise<RevisionStart> {
  return { baseOid: await resolveBase(plane, await findRepository(plane.store, repo.id), target, signal), target, landing, revises: null, work: false };
}

/** The branch as it is now; null where it is gone. CONFLICT where a job is at work on it, or it changes how jobs are run. */
async function branchTip(plane: ControlPlane, job: JobView, { mode, branch }: NonNullable<JobView["delivery"]>, signal: AbortSignal): Promise<string | null> {
  const refuse = (why: string, hint: string): SlipwayError =>
    new SlipwayError("CONFLICT", `Job ${job.number} cannot be revised: ${why}.`, { job: job.id, branch, expected: "a branch that nobody revises", hint });
  const watched = await plane.store.pullRequestOf(job.id);
  if (watched?.isBusy) throw refuse(`a job revises ${branch} already`, "Wait for its end, or comment on that one: `slipway jobs` lists it.");
  const root = hubRoot(plane.folder, job.repo.id);
  const { remote } = await wayTo(plane, job.repo.id, mode, signal);
  const tip = await fetchBranch(root, remote, branch, signal);
  if (tip === null) return null;
  const upstream = await readUpstreamBranch(root, job.target);
  const trusted = [job.baseOid, ...(upstream === null ? [] : [upstream])];
  const differs = await Promise.all(trusted.map((oid) => hasOtherRules(root, tip, oid)));
  if (differs.every(Boolean))
    throw refuse(
      `its branch ${branch} changes how jobs of the repository are run (.slipway.yaml, prompts)`,
      "It is a person's to revise: check it out, and push.",
    );
  return tip;
}
