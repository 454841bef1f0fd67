import { isAncestor } from "@slipway/git/hub";
import { joinCommits, keepCommit } from "@slipway/git/push-branch";
import type { CompletionView, JobView } from "@slipway/protocol/job";
import type { RepositoryConfig } from "@slipway/protocol/repository-config";
import type { ControlPlane } from "../../control-plane.ts";
import { JOB_REFS } from "../../hub/hub-access.ts";
import { hubRoot } from "../../hub/hub-folder.ts";
import { findJob } from "../../jobs/find-job.ts";
import type { CompletionRow } from "../../store/store.ts";
import type { Merged } from "../verify.ts";
import { branchName, branchValues } from "./branch-name.ts";

const COMMITTER = { name: "Slipway", email: "slipway@localhost" };

/**
 * Where another job's change would land, this one's is handed over to its delivery: the intent is written, fenced, and the server carries it out from here on,
 * over restarts. The integrator is done with it, and other completions of the target go on.
 */
export async function handOver(plane: ControlPlane, { job, completion, fence, merged, tree, config }: HandedOver): Promise<CompletionView> {
  const mode = job.landing === "branch" ? "branch" : "pr";
  const oid = await commitFor(plane, { job, completion, fence, merged, tree, config });
  // Its ref goes with those of the job's attempts; that of the merge would go with the completion.
  await keepCommit(hubRoot(plane.folder, completion.repoId), `${JOB_REFS}${job.id}/delivery-${fence}`, oid);
  const { landing } = config;
  const model = job.backendConfig["model"];
  const first = job.revises === null ? job : await findJob(plane.store, job.revises);
  const values = branchValues({ ...job, model: typeof model === "string" ? model : null, originalTicket: first.ticket });
  const handed = await plane.store.intendDelivery(completion.id, fence, {
    mode,
    revises: job.revises,
    branch: branchName(landing.branch, values),
    oid,
    mergedOid: merged.mergedOid,
    ontoOid: merged.expectedOld ?? completion.baseOid,
    tree,
    plan: { base: completion.target, title: titleOf(landing.pullRequest.title, job), settings: landing.pullRequest },
  });
  plane.events.changed(job.id, "events");
  plane.deliveries.poke();
  // A place on the target is free again, and verify jobs that nobody waits for are the reaper's to end.
  plane.completionRoom.offerAny();
  plane.scheduleChanged();
  return handed;
}

interface HandedOver {
  readonly job: JobView;
  readonly completion: CompletionRow;
  readonly fence: number;
  readonly merged: Merged;
  /** Of the merged commit, with a receipt for every gate. */
  readonly tree: string;
  /** The target's own. */
  readonly config: RepositoryConfig;
}

/** What is pushed: the merged commit. Where that would rewrite a branch which is revised, a commit of the same tree on top of the branch. */
async function commitFor(plane: ControlPlane, { job, completion, fence, merged, tree }: HandedOver): Promise<string> {
  const root = hubRoot(plane.folder, completion.repoId);
  if (job.revises === null || (await isAncestor(root, job.baseOid, merged.mergedOid))) return merged.mergedOid;
  return await joinCommits(root, {
    tree,
    parents: [completion.oid, merged.expectedOld ?? completion.baseOid],
    message: `Merge ${completion.target} into the branch of job ${job.number}\n`,
    committer: { ...COMMITTER, date: `@${Math.floor(completion.createdAt / 1_000)} +0000` },
    ref: `${JOB_REFS}${job.id}/delivery-${fence}`,
  });
}

/** One line, as long as both hosts take it. */
function titleOf(template: string, { title, number, ticket, backend }: JobView): string {
  const values: Readonly<Record<string, string>> = { title, job: String(number), ticket: ticket ?? "", backend };
  const filled = template.replace(/\{([a-z_]+)\}/g, (_, name: string) => values[name] ?? "");
  return (
    filled
      .replace(/[\x00-\x1f\x7f]+/g, " ")
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, 250) || `Job ${number}`
  );
}
